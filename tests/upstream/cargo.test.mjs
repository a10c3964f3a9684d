// The scripted crate registry itself: its index and archives, and real cargo against it. Faults are the frame's, and are
// tried with npm's registry; one of each kind of request is tried here.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, afterEach, before, describe, test } from "node:test";

import { CargoWorkspace } from "../e2e/support/cargo.mjs";
import { cratePath, startCargoUpstream } from "./cargo.mjs";
import { indexPath } from "./cargo-packages.mjs";
import * as faults from "./faults.mjs";

let upstream;

before(async () => {
  upstream = await startCargoUpstream();
  describeCrates(upstream.packages);
});

afterEach(() => upstream.heal());
after(() => upstream.stop());

function describeCrates(packages) {
  packages.add({
    name: "left",
    versions: {
      "1.0.0": {
        deps: { right: "^2", short: { req: "^1", package: "a_longer_name", optional: true } },
        features2: { small: ["dep:short"] },
        links: "left",
        rustVersion: "1.60",
      },
      "1.1.0": { yanked: true },
    },
  });
  packages.add({ name: "right", versions: { "2.0.0": {}, "2.0.1": { features: { default: ["more"], more: [] } } } });
  packages.add({ name: "a_longer_name", versions: { "1.0.0": {} } });
}

const get = (path, headers = {}) => fetch(new URL(path, upstream.url), { headers });

async function workspace(index, token) {
  const dependencies = { left: { version: "1", features: ["small"] }, right: "2" };
  return CargoWorkspace.create({ index, token, replace: true, manifest: { dependencies } });
}

describe("cargo", () => {
  test("builds with it in the place of its default registry", async () => {
    const app = await workspace(`sparse+${upstream.url}`);
    try {
      await app.write("src/main.rs", 'fn main() { println!("{}, {}", left::VERSION, right::VERSION); }\n');
      assert.match((await app.must(["run", "--quiet"])).stdout, /left 1\.0\.0, right 2\.0\.1/);
      assert.match(await app.read("Cargo.lock"), /name = "a_longer_name"/);
    } finally {
      await app.dispose();
    }
  });

  test("fetches with a token where one is required", async () => {
    const closed = await startCargoUpstream({ authRequired: "sesame" });
    describeCrates(closed.packages);
    const stranger = await CargoWorkspace.create({ index: `sparse+${closed.url}`, manifest: { dependencies: { right: { version: "2", registry: "feed" } } } });
    try {
      await stranger.mustFail(["fetch"]);
      await stranger.configure({ token: "sesame" });
      await stranger.must(["fetch"]);
      assert.equal(closed.requests(cratePath("right", "2.0.1"))[0].headers.authorization, "sesame");
    } finally {
      await stranger.dispose();
      await closed.stop();
    }
  });
});

test("index lines, validators, downloads, search", async () => {
  const first = await get(indexPath("left"));
  const [one, two] = (await first.text()).trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual([one.v, one.links, one.rust_version, one.pubtime], [2, "left", "1.60", "2024-01-01T00:00:00Z"]);
  assert.deepEqual(one.deps[1].package, "a_longer_name");
  assert.deepEqual([one.yanked, two.yanked], [false, true]);
  assert.equal((await get(indexPath("left"), { "if-none-match": first.headers.get("etag") })).status, 304);
  assert.equal((await get(indexPath("left"), { "if-modified-since": first.headers.get("last-modified") })).status, 304);
  assert.equal((await get(indexPath("absent"))).status, 404);
  const { dl, api } = await (await get("config.json")).json();
  const bytes = Buffer.from(await (await fetch(`${dl}/left/1.0.0/download`)).arrayBuffer());
  assert.equal(createHash("sha256").update(bytes).digest("hex"), one.cksum);
  const found = await (await fetch(`${api}/api/v1/crates?q=igh&per_page=5`)).json();
  assert.deepEqual([found.crates[0].name, found.meta.total], ["right", 1]);
});

test("faults meet index files and archives", async () => {
  upstream.fault(`/${indexPath("right")}`, faults.tooManyRequests(3), { times: 1 });
  assert.equal((await get(indexPath("right"))).headers.get("retry-after"), "3");
  upstream.fault(cratePath("right", "2.0.0"), faults.truncate(), { times: 1 });
  await assert.rejects((await get(cratePath("right", "2.0.0").slice(1))).arrayBuffer());
});
