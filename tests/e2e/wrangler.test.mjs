// The committed `wrangler.toml` works with Wrangler itself: it packs for a deployment, and serves on this machine.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { buildEnv, npmTool, root } from "../../tools/toolchain.mjs";
import { until } from "./support/edgefeed.mjs";

const MINUTE = 60_000;
let scratch;

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), "edgefeed-wrangler-"));
});

after(() => rm(scratch, { recursive: true, force: true }));

test("wrangler deploy --dry-run packs the Worker with its bindings", { timeout: 10 * MINUTE }, async () => {
  const wrangler = start(["deploy", "--dry-run", "--outdir", join(scratch, "out")]);
  const code = await wrangler.ended;
  assert.equal(code, 0, wrangler.text());
  for (const binding of ["env.KV", "env.R2", "env.HOST_FEEDS", "env.ALLOW_PRIVATE_UPSTREAMS"]) {
    assert.ok(wrangler.text().includes(binding), `${binding} is not among the bindings:\n${wrangler.text()}`);
  }
});

test("wrangler dev answers, keeps its secret to itself, and leaves no process behind", { timeout: 10 * MINUTE }, async () => {
  const port = await freePort();
  const state = join(scratch, "state");
  const wrangler = start(["dev", "--ip", "127.0.0.1", "--port", String(port), "--inspector-port", "0", "--persist-to", state, "--var", "ROOT_TOKEN:of-this-test"]);
  try {
    const health = async () => {
      if (wrangler.code() !== undefined) return { failed: true };
      return (await fetch(`http://127.0.0.1:${port}/_edgefeed/health`)).json();
    };
    const answer = await until(health, { timeout: 8 * MINUTE, what: "an answer of wrangler dev" });
    assert.equal(answer.status, "ok", wrangler.text());
    assert.ok(!wrangler.text().includes("of-this-test"), "the secret is in the output");
  } finally {
    wrangler.interrupt();
    await wrangler.ended;
  }
  await until(() => !wrangler.groupLives(), { what: `the end of wrangler's processes` });
});

/** Wrangler in a process group of its own, as a terminal would run it, asking and telling nobody anything. */
function start(args) {
  const env = { ...buildEnv(), CI: "true", NO_COLOR: "1", WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true" };
  delete env.NODE_TEST_CONTEXT;
  const child = spawn(npmTool("wrangler"), args, { cwd: root, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const chunks = [];
  let code;
  child.stdout.on("data", (chunk) => chunks.push(chunk));
  child.stderr.on("data", (chunk) => chunks.push(chunk));
  const ended = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (status) => resolve((code = status)));
  });
  return {
    ended,
    code: () => code,
    text: () => Buffer.concat(chunks).toString("utf8"),
    interrupt: () => signalGroup(child.pid, "SIGINT"),
    groupLives: () => signalGroup(child.pid, 0),
  };
}

/** Whether there was somebody to signal. */
function signalGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
    return true;
  } catch (error) {
    if (error.code === "ESRCH") return false;
    throw error;
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
