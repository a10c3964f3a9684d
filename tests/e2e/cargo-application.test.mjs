// A real application of several hundred crates: fetched from empty, again with the upstream cut off, again as a reader,
// with the same lock throughout; in the place of cargo's default registry, and resolved anew.
//
// The upstream is the registry this machine uses, behind a server on loopback that can be cut off.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { root } from "../../tools/toolchain.mjs";
import { startCargoCutOff } from "../upstream/cut-off-cargo.mjs";
import { realLock } from "./support/cargo.mjs";
import { startEdgefeed } from "./support/edgefeed.mjs";

const manifest = readFileSync(join(root, "tests/fixtures/cargo/app/Cargo.toml"), "utf8");
const FETCH = ["fetch", "--locked", "--config", "net.retry=2"];

let edgefeed;
let upstream;

before(async () => {
  upstream = await startCargoCutOff();
  edgefeed = await startEdgefeed();
});

after(async () => {
  await edgefeed?.stop();
  await upstream?.stop();
});

async function timed(t, what, work) {
  const begin = performance.now();
  await work();
  t.diagnostic(`${what}: ${((performance.now() - begin) / 1000).toFixed(1)} s`);
}

describe("cargo fetch", () => {
  const lock = realLock();
  const count = lock.match(/^checksum = /gm).length;
  let feed;
  let app;

  before(async () => {
    const source = { name: "registry", protocol: "cargo", location: upstream.url, upstreamSourceType: "public" };
    feed = await edgefeed.feed({ protocol: "cargo", sources: [source] });
    app = await feed.cargo("collaborator", { replace: true });
    await app.write("Cargo.toml", manifest);
    await app.write("Cargo.lock", lock);
  });

  after(() => feed?.dispose());

  /** cargo has checked every archive against the lock; this counts them. */
  async function assertComplete(output) {
    assert.equal(output.match(/^ +Downloaded /gm).length, count);
    assert.equal(await app.read("Cargo.lock"), lock);
  }

  test("from an empty feed", async (t) => {
    assert.ok(count >= 250, `the lock has ${count} crates`);
    let fetched;
    await timed(t, `cold, ${count} crates`, async () => (fetched = await app.must(FETCH)));
    await assertComplete(fetched.output);
    const archives = upstream.requests(/^\/-\/dl\//);
    t.diagnostic(`${archives.length} archives asked of the upstream`);
    assert.ok(archives.length <= count * 1.02, `${archives.length} fetches of ${count} archives`);
  });

  test("again, with an empty client cache and the upstream cut off", async (t) => {
    await upstream.down();
    await app.clear();
    let fetched;
    await timed(t, "warm", async () => (fetched = await app.must(FETCH)));
    await assertComplete(fetched.output);
  });

  test("again, as a reader", async (t) => {
    await app.clear();
    await app.configure({ token: await feed.token("reader") });
    let fetched;
    await timed(t, "reader", async () => (fetched = await app.must(FETCH)));
    await assertComplete(fetched.output);
  });

  test("resolved anew from what the feed holds: what a reader is shown comes to the same lock", async () => {
    await app.clear("Cargo.lock");
    await app.must(["generate-lockfile"]);
    const resolved = await app.read("Cargo.lock");
    assert.equal(resolved, lock);
  });
});
