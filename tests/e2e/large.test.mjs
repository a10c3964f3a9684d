// Large things in bounded memory: an archive of 100 MB published and installed, a packument of more than 20 MB.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { noise } from "../upstream/archive.mjs";
import { startNpmUpstream } from "../upstream/npm.mjs";
import { bun, npm12 } from "./support/clients.mjs";
import { startEdgefeed } from "./support/edgefeed.mjs";
import { limitedBuild } from "./support/limited.mjs";

const MEGABYTE = 1 << 20;

// How much more the runtime's process may take for 100 MB than it took for 10 MB. It has buffers of its own (sockets, the
// local stores, garbage not collected yet); an archive held whole would show as its 100 MB and 133 MB of Base64.
const GROWTH = 150 * MEGABYTE;

let edgefeed;
let upstream;

before(async () => {
  upstream = await startNpmUpstream();
  edgefeed = await startEdgefeed({ build: limitedBuild() });
});

after(async () => {
  await edgefeed?.stop();
  await upstream?.stop();
});

test("a package of 100 MB is published and installed in bounded memory", { timeout: 300_000 }, async (t) => {
  const feed = await edgefeed.feed();
  const pid = runtimeProcess();
  await roundTrip(feed, "light", 10);
  const before = peak(pid);
  await roundTrip(feed, "heavy", 100);
  const growth = peak(pid) - before;
  t.diagnostic(`the runtime grew by ${Math.round(growth / MEGABYTE)} MB, to ${Math.round(peak(pid) / MEGABYTE)} MB`);
  assert.ok(growth < GROWTH, `the runtime grew by ${Math.round(growth / MEGABYTE)} MB`);
  const { memory } = await (await fetch(`${edgefeed.url}/_edgefeed/health`)).json();
  t.diagnostic(`wasm memory: ${Math.round(memory / MEGABYTE)} MB`);
  assert.ok(memory < 64 * MEGABYTE, `wasm memory: ${Math.round(memory / MEGABYTE)} MB`);
  await feed.dispose();
});

/** Publishes and installs so many megabytes; they must arrive as they were. */
async function roundTrip(feed, name, megabytes) {
  const ballast = noise(megabytes * MEGABYTE);
  // Not npm: it encodes the archive between two requests without a pause, and on a busy machine the local runtime has
  // closed the idle connection by then, which npm meets with EPIPE.
  await feed.publish(bun, { name, version: "1.0.0" }, { files: { "ballast.bin": ballast } });
  const app = await feed.workspace(npm12, "reader");
  await app.add(`${name}@1.0.0`);
  const arrived = readFileSync(join(app.project, "node_modules", name, "ballast.bin"));
  assert.ok(arrived.equals(ballast), `${name}: other bytes`);
}

test("a packument of more than 20 MB passes, abbreviated, in full, and by one version", { timeout: 300_000 }, async (t) => {
  upstream.packages.addHuge("huge", { versions: 4_000, megabytes: 24 });
  const feed = await edgefeed.feed({ sources: [upstream] });
  const app = await feed.workspace(npm12, "collaborator");
  await app.add("huge@1.0.1234");
  assert.equal(await app.installed("huge"), "1.0.1234");
  const began = performance.now();
  const full = await feed.fetch("huge");
  const bytes = Buffer.from(await full.arrayBuffer());
  t.diagnostic(`${(bytes.length / 1e6).toFixed(1)} MB in ${Math.round(performance.now() - began)} ms`);
  assert.ok(bytes.length > 20e6);
  const document = JSON.parse(bytes);
  assert.equal(Object.keys(document.versions).length, 4_000);
  for (const [version, { dist }] of Object.entries(document.versions)) {
    assert.equal(dist.tarball, `${feed.registry()}huge/-/huge-${version}.tgz`);
  }
  assert.equal((await feed.json("huge/1.0.7")).version, "1.0.7");
  await feed.dispose();
});

/** The runtime is the child process of this one that holds the Worker. */
function runtimeProcess() {
  const children = execFileSync("ps", ["-o", "pid=,comm=", "--ppid", String(process.pid)], { encoding: "utf8" });
  const line = children.split("\n").find((text) => text.includes("workerd"));
  assert.ok(line, `no runtime among the children of this process:\n${children}`);
  return Number(line.trim().split(/\s+/)[0]);
}

function status(pid, field) {
  const [, kilobytes] = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(kilobytes) * 1024;
}

const peak = (pid) => status(pid, "VmHWM");
