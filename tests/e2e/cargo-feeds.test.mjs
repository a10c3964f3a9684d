// What a feed adds to a crate registry: saving and roles, the guard, views, several sources, costs; and that the lines of
// the upstream's index arrive as it wrote them.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { cratePath, startCargoUpstream } from "../upstream/cargo.mjs";
import { indexPath } from "../upstream/cargo-packages.mjs";
import { cost, refused, until } from "./support/edgefeed.mjs";
import { feedMaker } from "./support/feeds.mjs";

const registry = "feed";
const newFeed = feedMaker({ protocol: "cargo" });
let upstream;

before(async () => {
  upstream = await startCargoUpstream();
});

after(() => upstream?.stop());

const index = (name) => `index/${indexPath(name)}`;
const download = (name, version) => `api/v1/crates/${name}/${version}/download`;

async function lines(feed, name, options) {
  const answer = await feed.fetch(index(name), options);
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

async function publish(feed, name, version) {
  const app = await feed.cargo("contributor");
  await app.package("", { library: true, name, version, license: "MIT", description: "made here" });
  await app.clear("src/main.rs");
  await app.must(["publish", "--registry", registry, "--allow-dirty", "--no-verify"]);
}

describe("saving", () => {
  test("a reader is refused what only the upstream has, and sees what was saved", async () => {
    upstream.packages.add({ name: "left", versions: { "1.0.0": {}, "1.1.0": {} } });
    const feed = await newFeed({ sources: [upstream] });
    const text = await refused(await feed.fetch(download("left", "1.0.0"), { role: "reader" }), 403, /collaborator/i);
    assert.match(text, /left/);
    const saved = await feed.fetch(download("left", "1.0.0"));
    assert.deepEqual(Buffer.from(await saved.arrayBuffer()), upstream.packages.archive("left", "1.0.0"));
    assert.equal((await feed.fetch(download("left", "1.0.0"), { role: "reader" })).status, 200);
    assert.deepEqual((await lines(feed, "left", { role: "reader" })).map(({ vers }) => vers), ["1.0.0"]);
    assert.deepEqual((await lines(feed, "left")).map(({ vers }) => vers).sort(), ["1.0.0", "1.1.0"]);
  });

  test("lines arrive as the upstream wrote them, before and after saving", async () => {
    const deps = { right: { req: "^2", target: 'cfg(unix)', kind: "build" }, short: { req: "1", package: "long", optional: true } };
    const described = { deps, features: { one: [] }, features2: { two: ["dep:short"] }, links: "exact", rustVersion: "1.70" };
    upstream.packages.add({ name: "exact", versions: { "1.0.0": described, "1.1.0": { yanked: true } } });
    const feed = await newFeed({ sources: [upstream] });
    for (const version of ["1.0.0", "1.1.0"]) await (await feed.fetch(download("exact", version))).arrayBuffer();
    for (const role of ["collaborator", "reader"]) {
      const found = await lines(feed, "exact", { role });
      const wanted = ["1.0.0", "1.1.0"].map((version) => upstream.packages.line("exact", version));
      assert.deepEqual(found.sort((one, other) => one.vers.localeCompare(other.vers)), wanted);
    }
  });

  test("config.json, validators, unknown crates", async () => {
    upstream.packages.add({ name: "valid", versions: { "1.0.0": {} } });
    const feed = await newFeed({ sources: [upstream] });
    const config = await feed.json("index/config.json");
    assert.equal(config["auth-required"], true);
    const root = feed.registry().slice(0, -1).toLowerCase();
    for (const address of [config.dl, config.api]) assert.ok(address.toLowerCase().startsWith(root), address);
    const first = await feed.fetch(index("valid"));
    assert.equal(first.status, 200);
    await first.text();
    const known = await feed.fetch(index("valid"), { headers: { "if-none-match": first.headers.get("etag") } });
    assert.equal(known.status, 304);
    const since = await feed.fetch(index("valid"), { headers: { "if-modified-since": first.headers.get("last-modified") } });
    assert.equal(since.status, 304);
    assert.ok([404, 410, 451].includes((await feed.fetch(index("absent"))).status));
    assert.equal((await feed.fetch("index/va/li/other")).status, 404);
    const anonymous = await feed.fetch("index/config.json", { role: "anonymous" });
    assert.equal(anonymous.status, 401);
    assert.match(anonymous.headers.get("www-authenticate"), /Cargo|Basic/);
  });

  test("a first fetch costs few upstream requests, a warm one none", async () => {
    upstream.packages.add({ name: "cheap", versions: { "1.0.0": {} } });
    const source = { name: "stub", protocol: "cargo", location: upstream.url, upstreamSourceType: "public" };
    const feed = await newFeed({ sources: [source] });
    upstream.forget();
    await lines(feed, "cheap");
    await (await feed.fetch(download("cheap", "1.0.0"))).arrayBuffer();
    const asked = upstream.requests().filter(({ path }) => path !== "/config.json").map(({ path }) => path);
    assert.ok(asked.length <= 2, asked.join());
    upstream.forget();
    await until(async () => {
      const listing = await feed.fetch(index("cheap"));
      await listing.arrayBuffer();
      const { r2, kv } = cost(listing);
      return kv <= 1 && r2 <= 1;
    }, { what: "a warm index file for one KV read and one R2 head" });
    const archive = await feed.fetch(download("cheap", "1.0.0"));
    await archive.arrayBuffer();
    const { r2, kv } = cost(archive);
    assert.ok(r2 <= 2 && kv === 0, `a warm download cost ${r2} R2 and ${kv} KV operations`);
    assert.equal(upstream.count(), 0);
  });

  for (const [what, options] of Object.entries({
    "templates with markers": { dl: "markers" },
    "a thin mirror": { thin: true },
  })) {
    test(`an upstream with ${what}`, async () => {
      const other = await startCargoUpstream({ ...options, ...(options.dl && { downloadBase: () => other.url }) });
      try {
        other.packages.add({ name: "marked", versions: { "1.0.0": {} } });
        if (options.dl) {
          const body = { dl: `${other.url}by/{prefix}/{lowerprefix}/{sha256-checksum}/{crate}-{version}.crate` };
          other.fault("/config.json", { replace: () => ({ body }) });
          const { cksum } = other.packages.line("marked", "1.0.0");
          const path = `/by/ma/rk/ma/rk/${cksum}/marked-1.0.0.crate`;
          other.fault(path, { replace: () => ({ body: other.packages.archive("marked", "1.0.0") }) });
        }
        const feed = await newFeed({ sources: [other] });
        const app = await feed.cargo("collaborator", { manifest: { dependencies: { marked: { version: "1", registry } } } });
        await app.must(["fetch"]);
      } finally {
        await other.stop();
      }
    });
  }
});

describe("the guard against dependency confusion", () => {
  test("a name published here shadows the upstream's until it is allowed", async () => {
    const feed = await newFeed({ sources: [upstream] });
    await publish(feed, "inner-tool", "1.0.0");
    upstream.packages.add({ name: "inner-tool", versions: { "98.0.0": {}, "99.0.0": {} } });
    assert.deepEqual((await lines(feed, "inner-tool")).map(({ vers }) => vers), ["1.0.0"]);
    await refused(await feed.fetch(download("inner-tool", "99.0.0")), [403, 404]);
    await feed.allowExternal("inner-tool");
    await until(async () => (await lines(feed, "inner-tool")).length === 3);
    const app = await feed.cargo("collaborator", { manifest: { dependencies: { "inner-tool": { version: "99", registry } } } });
    await app.must(["fetch"]);
  });
});

describe("views and sources", () => {
  test("a view shows promoted versions only, with addresses of its own", async () => {
    const feed = await newFeed({ sources: [upstream] });
    for (const version of ["1.0.0", "1.1.0"]) await publish(feed, "staged", version);
    await refused(await feed.fetch(index("staged"), { view: "Release" }), 404);
    await feed.promote("staged", "1.0.0", "Release");
    assert.deepEqual((await lines(feed, "staged", { view: "Release" })).map(({ vers }) => vers), ["1.0.0"]);
    const app = await feed.cargo("reader", { view: "Release", manifest: { dependencies: { staged: { version: "1", registry } } } });
    await app.must(["fetch"]);
    assert.match(await app.read("Cargo.lock"), /version = "1\.0\.0"/);
    await refused(await feed.fetch(download("staged", "1.1.0"), { view: "Release" }), 404);
  });

  test("several sources give the union; another feed's view is one", async () => {
    const other = await startCargoUpstream();
    try {
      upstream.packages.add({ name: "shared", versions: { "1.0.0": { ballast: 1 }, "1.1.0": {} } });
      other.packages.add({ name: "shared", versions: { "1.0.0": { ballast: 2 }, "2.0.0": {} } });
      const feed = await newFeed({ sources: [upstream, other] });
      const found = await lines(feed, "shared");
      assert.deepEqual(found.map(({ vers }) => vers).sort(), ["1.0.0", "1.1.0", "2.0.0"]);
      assert.equal(found.find(({ vers }) => vers === "1.0.0").cksum, upstream.packages.line("shared", "1.0.0").cksum);
      await (await feed.fetch(download("shared", "2.0.0"))).arrayBuffer();
      const outer = await newFeed({ sources: [feed] });
      assert.deepEqual((await lines(outer, "shared")).map(({ vers }) => vers), ["2.0.0"]);
      assert.equal((await outer.fetch(download("shared", "2.0.0"))).status, 200);
    } finally {
      await other.stop();
    }
  });

  test("what the upstream yanks or removes later: the mark arrives, what was saved stays", async () => {
    upstream.packages.add({ name: "moving", versions: { "1.0.0": {} } });
    const feed = await newFeed({ sources: [upstream] });
    await (await feed.fetch(download("moving", "1.0.0"))).arrayBuffer();
    upstream.packages.yank("moving", "1.0.0");
    await until(async () => (await lines(feed, "moving"))[0].yanked === true, { what: "the yank" });
    upstream.packages.remove("moving", "1.0.0");
    assert.equal((await fetch(upstream.url + cratePath("moving", "1.0.0").slice(1))).status, 403);
    assert.equal((await feed.fetch(download("moving", "1.0.0"), { role: "reader" })).status, 200);
  });
});
