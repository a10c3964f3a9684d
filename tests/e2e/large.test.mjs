// Large things in bounded memory: an archive of 100 MB published and installed, a packument of more than 20 MB.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { noise } from "../upstream/archive.mjs";
import { startNpmUpstream } from "../upstream/npm.mjs";
import { npm12 } from "./support/clients.mjs";
import { startEdgefeed } from "./support/edgefeed.mjs";

const MEGABYTE = 1 << 20;

// The runtime keeps buffers of its own (sockets, the local stores), so this bounds the growth of the whole process; an
// archive held whole would show as its 100 MB of bytes and 133 MB of base64 at least.
const GROWTH = 160 * MEGABYTE;

let edgefeed;
let upstream;

before(async () => {
  upstream = await startNpmUpstream();
  edgefeed = await startEdgefeed();
});

after(async () => {
  await edgefeed?.stop();
  await upstream?.stop();
});

test("a package of 100 MB is published and installed in bounded memory", { timeout: 300_000 }, async (t) => {
  const feed = await edgefeed.feed();
  const pid = runtimeProcess();
  const before = resident(pid);
  await feed.publish(npm12, { name: "heavy", version: "1.0.0" }, { files: { "ballast.bin": noise(100 * MEGABYTE) } });
  const app = await feed.workspace(npm12, "reader");
  await app.add("heavy@1.0.0");
  const growth = peak(pid) - before;
  t.diagnostic(`the runtime grew by ${Math.round(growth / MEGABYTE)} MB`);
  assert.deepEqual(readFileSync(`${app.project}/node_modules/heavy/ballast.bin`), noise(100 * MEGABYTE));
  assert.ok(growth < GROWTH, `the runtime grew by ${Math.round(growth / MEGABYTE)} MB`);
  await feed.dispose();
});

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

const resident = (pid) => status(pid, "VmRSS");
const peak = (pid) => status(pid, "VmHWM");
