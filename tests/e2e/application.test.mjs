// A real application of several hundred packages: from empty, again with the upstream cut off, again as a reader.
//
// The upstream is the registry this machine uses, behind a server on loopback that can be cut off.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";

import { startCutOff } from "../upstream/cut-off.mjs";
import { npm11, npm12, pnpm12 } from "./support/clients.mjs";
import { startEdgefeed } from "./support/edgefeed.mjs";

const fixture = resolve(import.meta.dirname, "../fixtures/npm/app");

let edgefeed;
let upstream;
let manifest;
let lock;

before(async () => {
  manifest = JSON.parse(await readFile(join(fixture, "package.json"), "utf8"));
  lock = await readFile(join(fixture, "package-lock.json"), "utf8");
  upstream = await startCutOff();
  edgefeed = await startEdgefeed();
});

after(async () => {
  await edgefeed?.stop();
  await upstream?.stop();
});

/** The upstream as users would add it, with the freshness that sources have by default. */
function source() {
  return { name: "registry", protocol: "npm", location: upstream.url, upstreamSourceType: "public" };
}

/** What `npm ci` must have put there: every locked package but those for other platforms. */
function expected() {
  const entries = Object.entries(JSON.parse(lock).packages).filter(([path, entry]) => path !== "" && !entry.optional);
  assert.ok(entries.length >= 300, `the fixture has ${entries.length} packages`);
  return entries.map(([path, { version }]) => [path, version]);
}

async function assertComplete(app) {
  for (const [path, version] of expected()) {
    assert.equal(JSON.parse(await app.read(`${path}/package.json`)).version, version, path);
  }
}

async function timed(t, what, work) {
  const begin = performance.now();
  await work();
  t.diagnostic(`${what}: ${((performance.now() - begin) / 1000).toFixed(1)} s`);
}

describe("npm ci", () => {
  const restore = ["ci", "--ignore-scripts"];
  let feed;
  let app;

  before(async () => {
    feed = await edgefeed.feed({ sources: [source()] });
    app = await feed.workspace(npm12, "collaborator", { manifest });
    await app.write("package-lock.json", lock);
  });

  after(async () => {
    await upstream.up();
    await feed?.dispose();
  });

  test("from an empty feed", async (t) => {
    await timed(t, "cold", () => app.must(restore));
    await assertComplete(app);
    const archives = upstream.requests((request) => request.path.endsWith(".tgz"));
    const distinct = new Set(archives.map(({ path }) => path)).size;
    t.diagnostic(`${archives.length} archives fetched, ${distinct} of them distinct`);
    // One that npm wants in two folders it may ask for twice at once, and another isolate may answer.
    assert.ok(archives.length <= distinct * 1.02, `${archives.length} fetches of ${distinct} archives`);
  });

  test("again, with an empty client cache and the upstream cut off", async (t) => {
    await upstream.down();
    await app.clear();
    await timed(t, "warm", () => app.must(restore));
    await assertComplete(app);
  });

  test("again, as a reader", async (t) => {
    await upstream.down();
    await app.clear();
    await app.configure({ token: await feed.token("reader") });
    await timed(t, "reader", () => app.must(restore));
    await assertComplete(app);
    assert.equal(await app.read("package-lock.json"), lock);
  });

  test("again, with another major", async () => {
    await upstream.down();
    const other = await feed.workspace(npm11, "reader", { manifest });
    await other.write("package-lock.json", lock);
    await other.must(restore);
    await assertComplete(other);
  });
});

test("pnpm: resolves the application through the feed, then restores it from the feed alone", async (t) => {
  const feed = await edgefeed.feed({ sources: [source()] });
  const restore = ["install", "--frozen-lockfile", "--ignore-scripts"];
  try {
    await upstream.up();
    const app = await feed.workspace(pnpm12, "collaborator", { manifest });
    await app.write("package-lock.json", lock);
    await app.must(["import"]);
    await timed(t, "cold", () => app.must(restore));
    assert.equal(await app.installed("webpack"), lockedVersion("webpack"));
    await upstream.down();
    await app.clear();
    // With its age gate pnpm 12 looks up every locked package, also those for other platforms, which nobody saved, and
    // the attestations of each.
    const env = { PNPM_CONFIG_MINIMUM_RELEASE_AGE: "0" };
    await timed(t, "cut off", () => app.must(restore, { env }));
    await app.clear();
    await app.configure({ token: await feed.token("reader") });
    await timed(t, "reader", () => app.must(restore, { env }));
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })) {
      assert.equal(await app.installed(name), lockedVersion(name), name);
    }
  } finally {
    await upstream.up();
    await feed.dispose();
  }
});

function lockedVersion(name) {
  return JSON.parse(lock).packages[`node_modules/${name}`].version;
}
