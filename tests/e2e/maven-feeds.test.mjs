// What a feed adds to a Maven repository: saving and roles, the guard, views, several sources, repositories of every kind of
// checksums, plugins' prefixes from all sides, SNAPSHOTs that stay at home, costs.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import * as faults from "../upstream/faults.mjs";
import { artifactPath, metadataPath, startMavenUpstream } from "../upstream/maven.mjs";
import { digest, folder, jar } from "../upstream/maven-packages.mjs";
import { cost, refused, until } from "./support/edgefeed.mjs";
import { feedMaker } from "./support/feeds.mjs";
import { missing } from "./support/maven.mjs";

const GROUP = "org.example.feeds";
const ALGORITHMS = ["md5", "sha1", "sha256", "sha512"];

const newFeed = feedMaker({ protocol: "maven" });
let upstream;
let packages = 0;

before(async () => {
  upstream = await startMavenUpstream();
});

after(() => upstream?.stop());

/** A package of its own for each test. */
function add(versions, where = upstream, name = `${GROUP}:package-${(packages += 1)}`) {
  where.packages.add({ name, versions });
  return name;
}

const path = (name, version, about) => artifactPath(name, version, about).slice(1);
const get = (feed, name, version, { about, suffix = "", ...options } = {}) => feed.fetch(path(name, version, about) + suffix, options);
const put = (feed, name, version, bytes = jar(name, version)) => feed.fetch(path(name, version), { method: "PUT", role: "contributor", body: bytes });
const bytesOf = async (answer) => Buffer.from(await answer.arrayBuffer());

async function text(feed, where, options) {
  const answer = await feed.fetch(where, options);
  const body = await answer.text();
  assert.equal(answer.status, 200, `${where} -> ${answer.status}: ${body.slice(0, 300)}`);
  return body;
}

const metadata = (feed, name, options) => text(feed, metadataPath(name).slice(1), options);
const all = (document, tag) => [...document.matchAll(new RegExp(`<${tag}>([^<]*)</${tag}>`, "g"))].map(([, value]) => value);
const versions = async (feed, name, options) => all(await metadata(feed, name, options), "version");

describe("saving", () => {
  test("a reader is refused what only the upstream has, and sees what was saved", async () => {
    const name = add({ "1.0": {}, "1.1": {} });
    const feed = await newFeed({ sources: [upstream] });
    await refused(await get(feed, name, "1.0", { role: "reader" }), 403, /collaborator/i);
    assert.deepEqual(await bytesOf(await get(feed, name, "1.0")), upstream.packages.archive(name, "1.0"));
    const saved = await get(feed, name, "1.0", { role: "reader" });
    assert.deepEqual(await bytesOf(saved), upstream.packages.archive(name, "1.0"));
    assert.equal(saved.headers.get("content-encoding"), null);
    assert.deepEqual(await versions(feed, name, { role: "reader" }), ["1.0"]);
    assert.deepEqual(await versions(feed, name), ["1.0", "1.1"]);
  });

  test("every file has every checksum, whatever the upstream has; so have listings", async () => {
    const name = add({ "1.0": { classifiers: ["sources"], signed: true, module: true } });
    const feed = await newFeed({ sources: [upstream] });
    for (const about of [{}, { extension: "pom" }, { extension: "module" }, { classifier: "sources" }, { extension: "jar.asc" }]) {
      const bytes = await bytesOf(await get(feed, name, "1.0", { about }));
      assert.deepEqual(bytes, upstream.packages.archive(name, "1.0", about));
      for (const algorithm of ALGORITHMS) assert.equal(await text(feed, `${path(name, "1.0", about)}.${algorithm}`), digest(algorithm, bytes));
    }
    const listing = await metadata(feed, name);
    for (const algorithm of ALGORITHMS) assert.equal(await text(feed, `${metadataPath(name).slice(1)}.${algorithm}`), digest(algorithm, listing));
  });

  test("checksums may be asked before the file", async () => {
    const name = add({ "1.0": {} });
    const feed = await newFeed({ sources: [upstream] });
    assert.equal(await text(feed, `${path(name, "1.0")}.sha1`), digest("sha1", upstream.packages.archive(name, "1.0")));
  });

  test("HEAD tells of a file before and after it is saved; ranges, types, validators, checksums in headers", async () => {
    const name = add({ "1.0": {} });
    const feed = await newFeed({ sources: [upstream] });
    const size = upstream.packages.archive(name, "1.0").length;
    for (let round = 0; round < 2; round += 1) {
      const head = await get(feed, name, "1.0", { method: "HEAD" });
      assert.equal(head.status, 200);
      await (await get(feed, name, "1.0")).arrayBuffer();
    }
    const whole = await get(feed, name, "1.0");
    const bytes = await bytesOf(whole);
    assert.equal(Number(whole.headers.get("content-length")), size);
    assert.equal(whole.headers.get("content-type"), "application/java-archive");
    assert.equal(whole.headers.get("x-checksum-sha1"), digest("sha1", bytes));
    assert.ok(whole.headers.get("last-modified"));
    assert.equal((await get(feed, name, "1.0", { headers: { "if-none-match": whole.headers.get("etag") } })).status, 304);
    const part = await get(feed, name, "1.0", { headers: { range: "bytes=-22" } });
    assert.deepEqual([part.status, await bytesOf(part)], [206, bytes.subarray(-22)]);
    assert.equal((await get(feed, name, "1.0", { headers: { range: `bytes=${size + 5}-` } })).status, 416);
    assert.match((await get(feed, name, "1.0", { about: { extension: "pom" } })).headers.get("content-type"), /xml/);
  });

  test("a first fetch costs few upstream requests, a warm one none", async () => {
    const name = add({ "1.0": {} });
    const source = { name: "stub", protocol: "maven", location: upstream.url, upstreamSourceType: "public" };
    const feed = await newFeed({ sources: [source] });
    upstream.forget();
    await (await get(feed, name, "1.0")).arrayBuffer();
    const asked = upstream.requests().map(({ path: one }) => one);
    assert.ok(asked.length <= 2, asked.join());
    await metadata(feed, name);
    upstream.forget();
    await until(async () => {
      const listing = await feed.fetch(metadataPath(name).slice(1));
      await listing.arrayBuffer();
      const { r2, kv } = cost(listing);
      return kv <= 1 && r2 <= 1;
    }, { what: "a warm listing for one KV read and one R2 head" });
    const file = await get(feed, name, "1.0");
    await file.arrayBuffer();
    const { r2, kv } = cost(file);
    assert.ok(r2 <= 2 && kv === 0, `a warm download cost ${r2} R2 and ${kv} KV operations`);
    assert.deepEqual(upstream.requests().map(({ path: one }) => one), []);
  });

  test("what is not there is not found, and does not stay so for ever", async () => {
    const name = add({ "1.0": {} });
    const feed = await newFeed({ sources: [upstream] });
    assert.equal((await get(feed, name, "2.0")).status, 404);
    assert.equal((await get(feed, name, "1.0", { about: { classifier: "absent" } })).status, 404);
    assert.equal((await feed.fetch("org/example/nothing/maven-metadata.xml")).status, 404);
    upstream.packages.publish(name, "2.0");
    await until(async () => (await get(feed, name, "2.0")).status === 200, { timeout: 90_000, what: "the new version" });
  });
});

describe("kinds of repositories", () => {
  for (const [what, options] of Object.entries({
    "checksums in headers only": { checksums: [] },
    "checksums in files only": { checksumHeaders: [] },
    "the longer checksums too": { checksums: ["sha512", "sha256", "sha1", "md5"], checksumHeaders: [] },
    "no checksums and no validators": { thin: true },
  })) {
    test(what, async () => {
      const other = await startMavenUpstream(options);
      try {
        const name = add({ "1.0": {}, "1.1": {} }, other);
        const feed = await newFeed({ sources: [other] });
        assert.deepEqual(await versions(feed, name), ["1.0", "1.1"]);
        assert.deepEqual(await bytesOf(await get(feed, name, "1.1")), other.packages.archive(name, "1.1"));
        assert.equal((await get(feed, name, "1.1", { role: "reader" })).status, 200);
      } finally {
        await other.stop();
      }
    });
  }

  for (const [what, options] of Object.entries({ headers: { checksums: [] }, files: { checksumHeaders: [] } })) {
    test(`other bytes than the checksums in ${what} say are not passed on`, async () => {
      const other = await startMavenUpstream(options);
      try {
        const name = add({ "1.0": {} }, other);
        const feed = await newFeed({ sources: [other] });
        other.fault(artifactPath(name, "1.0"), faults.wrongBytes());
        await refused(await get(feed, name, "1.0"), [502, 503], /stub-/);
        other.heal();
        await until(async () => (await get(feed, name, "1.0")).status === 200, { what: "recovery" });
      } finally {
        await other.stop();
      }
    });
  }

  test("a repository that builds on demand: not found at first, then there", async () => {
    const name = add({ "1.0": { building: 1 } });
    const feed = await newFeed({ sources: [upstream] });
    await (await get(feed, name, "1.0", { about: { extension: "pom" } })).arrayBuffer();
    await until(async () => (await get(feed, name, "1.0", { about: { extension: "pom" } })).status === 200, { timeout: 90_000, what: "the built version" });
    assert.equal((await get(feed, name, "1.0")).status, 200);
  });

  test("a slow first answer is waited for", async () => {
    const name = add({ "1.0": {} });
    const feed = await newFeed({ sources: [upstream] });
    upstream.fault(artifactPath(name, "1.0"), faults.delay(3_000), { times: 1 });
    assert.equal((await get(feed, name, "1.0")).status, 200);
  });

  test("an upstream that lists nothing still has files", async () => {
    const name = add({ "1.0": {} });
    const feed = await newFeed({ sources: [upstream] });
    upstream.fault(metadataPath(name), faults.status(404));
    try {
      assert.deepEqual(await bytesOf(await get(feed, name, "1.0")), upstream.packages.archive(name, "1.0"));
      assert.deepEqual(await versions(feed, name), ["1.0"]);
    } finally {
      upstream.heal();
    }
  });
});

describe("the guard against dependency confusion", () => {
  test("a name published here shadows the upstream's until it is allowed", async () => {
    const name = `${GROUP}:inner-tool`;
    const feed = await newFeed({ sources: [upstream] });
    assert.ok((await put(feed, name, "1.0")).ok);
    add({ "98.0": {}, "99.0": {} }, upstream, name);
    assert.deepEqual(await versions(feed, name), ["1.0"]);
    await refused(await get(feed, name, "99.0"), [403, 404]);
    await feed.allowExternal(name);
    await until(async () => (await versions(feed, name)).length === 3);
    assert.equal((await get(feed, name, "99.0")).status, 200);
  });

  test("another artifact of the same group is not shadowed", async () => {
    const feed = await newFeed({ sources: [upstream] });
    assert.ok((await put(feed, `${GROUP}:sibling-here`, "1.0")).ok);
    const name = add({ "1.0": {} }, upstream, `${GROUP}:sibling-there`);
    assert.equal((await get(feed, name, "1.0")).status, 200);
  });
});

describe("SNAPSHOTs", () => {
  test("are never looked up in any source", async () => {
    const name = add({ "1.0-SNAPSHOT": {} });
    const feed = await newFeed({ sources: [upstream] });
    upstream.forget();
    assert.equal((await feed.fetch(`${folder(name, "1.0-SNAPSHOT")}/maven-metadata.xml`)).status, 404);
    assert.equal((await get(feed, name, "1.0-SNAPSHOT")).status, 404);
    assert.deepEqual(upstream.requests((request) => request.path.includes("SNAPSHOT/")), []);
  });
});

describe("plugins and archetypes", () => {
  test("prefixes of a group come from the feed and from every source", async () => {
    const other = await startMavenUpstream();
    try {
      for (const [where, prefix] of [[upstream, "one"], [other, "two"]]) {
        where.packages.add({ name: `${GROUP}.tools:${prefix}-maven-plugin`, prefix, versions: { "1.0": {} } });
      }
      const feed = await newFeed({ sources: [upstream, other] });
      const listing = await text(feed, `${GROUP.replaceAll(".", "/")}/tools/maven-metadata.xml`);
      assert.deepEqual(all(listing, "prefix").sort(), ["one", "two"]);
      assert.deepEqual(all(listing, "artifactId").sort(), ["one-maven-plugin", "two-maven-plugin"]);
    } finally {
      await other.stop();
    }
  });

  test("the archetype catalog is there", async () => {
    const feed = await newFeed({ sources: [upstream] });
    assert.match(await text(feed, "archetype-catalog.xml"), /<archetype-catalog/);
  });
});

describe("views and sources", () => {
  test("a view shows promoted versions only, and takes nothing", { skip: missing() }, async () => {
    const name = `${GROUP}:staged`;
    const feed = await newFeed({ sources: [upstream] });
    for (const version of ["1.0", "1.1"]) {
      const app = await feed.maven("contributor");
      await app.write("staged.jar", jar(name, version));
      await app.deployFile("staged.jar", name, version);
    }
    const view = "Release";
    assert.equal((await feed.fetch(metadataPath(name).slice(1), { view })).status, 404);
    await feed.promote(name, "1.0", view);
    assert.deepEqual(await versions(feed, name, { view }), ["1.0"]);
    const app = await feed.maven("reader", { view });
    await app.resolve([`${name}:[1.0,)`]);
    assert.deepEqual(app.libraries(), ["staged-1.0.jar"]);
    assert.equal((await get(feed, name, "1.1", { view })).status, 404);
  });

  test("several sources give the union; the first supplies a file that both have; another feed's view is one", async () => {
    const other = await startMavenUpstream();
    try {
      const name = add({ "1.0": { ballast: 1 }, "1.1": {} });
      add({ "1.0": { ballast: 2 }, "2.0": {} }, other, name);
      const feed = await newFeed({ sources: [upstream, other] });
      assert.deepEqual(await versions(feed, name), ["1.0", "1.1", "2.0"]);
      assert.deepEqual(await bytesOf(await get(feed, name, "1.0")), upstream.packages.archive(name, "1.0"));
      assert.deepEqual(await bytesOf(await get(feed, name, "2.0")), other.packages.archive(name, "2.0"));
      const outer = await newFeed({ sources: [feed] });
      assert.deepEqual(await versions(outer, name), ["1.0", "2.0"]);
      assert.deepEqual(await bytesOf(await get(outer, name, "2.0")), other.packages.archive(name, "2.0"));
    } finally {
      await other.stop();
    }
  });

  test("another feed of this server, read over HTTP as any repository", async () => {
    const name = `${GROUP}:chained`;
    const inner = await newFeed({ isPublic: true });
    assert.ok((await put(inner, name, "1.0")).ok);
    const source = { name: "chained", protocol: "maven", location: inner.registry(), upstreamSourceType: "public" };
    const feed = await newFeed({ sources: [source] });
    assert.deepEqual(await versions(feed, name), ["1.0"]);
    assert.deepEqual(await bytesOf(await get(feed, name, "1.0")), jar(name, "1.0"));
  });

  test("what the upstream removes later stays where it was saved", async () => {
    const name = add({ "1.0": {} });
    const feed = await newFeed({ sources: [upstream] });
    await (await get(feed, name, "1.0")).arrayBuffer();
    upstream.packages.remove(name, "1.0");
    assert.equal((await fetch(new URL(path(name, "1.0"), upstream.url))).status, 404);
    assert.equal((await get(feed, name, "1.0", { role: "reader" })).status, 200);
    assert.deepEqual(await versions(feed, name), ["1.0"]);
  });
});
