// What a feed adds to a registry, seen through npm: saving and roles, the guard, views, several sources, host names.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { after, before, describe, test } from "node:test";

import { hold } from "../upstream/faults.mjs";
import { startNpmUpstream } from "../upstream/npm.mjs";
import { npm6, npm11, npm12, pnpm12, yarnBerry } from "./support/clients.mjs";
import { cost, refusal, startEdgefeed, until } from "./support/edgefeed.mjs";
import { feedMaker } from "./support/feeds.mjs";

const versions = (document) => Object.keys(document.versions).sort();

const newFeed = feedMaker();
let upstream;

before(async () => {
  upstream = await startNpmUpstream();
});

after(() => upstream?.stop());

describe("saving", () => {
  test("a reader is refused what only the upstream has, and served once a collaborator installed it", async () => {
    upstream.packages.add({ name: "left", versions: { "1.0.0": {}, "1.1.0": {} } });
    const feed = await newFeed({ sources: [upstream] });
    const reader = await feed.workspace(npm12, "reader");
    await reader.mustFail(["install", "left@1.0.0"]);
    const text = await refusal(await feed.fetch("left/-/left-1.0.0.tgz", { role: "reader" }), 403, /collaborator/i);
    assert.match(text, /left/);
    assert.match(text, /1\.0\.0/);
    const collaborator = await feed.workspace(npm12, "collaborator");
    await collaborator.add("left@1.0.0");
    await reader.add("left@1.0.0");
    assert.equal(await reader.installed("left"), "1.0.0");
    assert.deepEqual(versions(await feed.json("left", { role: "reader" })), ["1.0.0"]);
    assert.deepEqual(versions(await feed.json("left")), ["1.0.0", "1.1.0"]);
    await refusal(await feed.fetch("left/-/left-1.1.0.tgz", { role: "reader" }), 403, /collaborator/i);
  });

  test("an anonymous user of a private feed is asked for credentials, of a public feed sees what is local", async () => {
    upstream.packages.add({ name: "open", versions: { "1.0.0": {}, "1.1.0": {} } });
    const closed = await newFeed({ sources: [upstream] });
    const challenge = await closed.fetch("open", { role: "anonymous" });
    assert.match(challenge.headers.get("www-authenticate"), /^Basic/);
    await refusal(challenge, 401);
    const feed = await newFeed({ sources: [upstream], isPublic: true });
    await (await feed.workspace(npm12, "collaborator")).add("open@1.0.0");
    const visitor = await feed.workspace(npm12, "anonymous");
    await visitor.add("open");
    assert.equal(await visitor.installed("open"), "1.0.0");
    await refusal(await feed.fetch("open/-/open-1.1.0.tgz", { role: "anonymous" }), 401);
  });

  test("bytes, digests and signatures arrive as the upstream made them", async () => {
    upstream.packages.add({ name: "exact", versions: { "1.0.0": {} } });
    const feed = await newFeed({ sources: [upstream] });
    const { dist } = await feed.json("exact/1.0.0");
    const signed = upstream.packages.manifest("exact", "1.0.0").dist;
    assert.deepEqual({ ...dist, tarball: null }, { ...signed, tarball: null });
    const answer = await feed.fetch("exact/-/exact-1.0.0.tgz");
    const bytes = Buffer.from(await answer.arrayBuffer());
    assert.deepEqual(bytes, upstream.packages.archive("exact", "1.0.0"));
  });

  for (const accept of ["application/json", "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*"]) {
    test(`a first fetch costs two upstream requests, a warm one none (Accept: ${accept.slice(0, 24)})`, async () => {
      const name = `cheap-${accept.length}`;
      upstream.packages.add({ name, versions: { "1.0.0": {} } });
      const source = { name: "stub", protocol: "npm", location: upstream.url, upstreamSourceType: "public" };
      const feed = await newFeed({ sources: [source] });
      const headers = { accept };
      upstream.forget();
      await feed.json(name, { headers });
      await (await feed.fetch(`${name}/-/${name}-1.0.0.tgz`)).arrayBuffer();
      assert.ok(upstream.count() <= 2, `${upstream.count()} upstream requests`);
      upstream.forget();
      await until(async () => {
        const listing = await feed.fetch(name, { headers });
        await listing.arrayBuffer();
        const { r2, kv } = cost(listing);
        return kv <= 1 && r2 <= 1;
      }, { what: "a warm listing for one KV read and one R2 head" });
      const archive = await feed.fetch(`${name}/-/${name}-1.0.0.tgz`);
      await archive.arrayBuffer();
      const { r2, kv } = cost(archive);
      assert.ok(r2 <= 2 && kv === 0, `a warm download cost ${r2} R2 and ${kv} KV operations`);
      assert.equal(upstream.count(), 0);
    });
  }

  test("publish times are the upstream's in every form, before and after saving, and age gates work on them", async () => {
    const old = "2024-01-01T00:00:00.000Z";
    const young = new Date(Date.now() - 60_000).toISOString();
    upstream.packages.add({ name: "aged", versions: { "1.0.0": { time: old }, "1.1.0": { time: young } } });
    const feed = await newFeed({ sources: [upstream] });
    // Saved through the abbreviated form, which has no publish times of its own.
    await feed.json("aged", { headers: { accept: "application/vnd.npm.install-v1+json" } });
    for (const version of ["1.0.0", "1.1.0"]) await (await feed.fetch(`aged/-/aged-${version}.tgz`)).arrayBuffer();
    for (const role of ["collaborator", "reader"]) {
      for (const accept of ["application/json", "application/vnd.npm.install-v1+json"]) {
        const { time } = await feed.json("aged", { role, headers: { accept } });
        if (accept === "application/json" && role === "collaborator") assert.ok(time);
        for (const [version, moment] of Object.entries({ "1.0.0": old, "1.1.0": young })) {
          assert.ok([undefined, moment].includes(time?.[version]), `${role}, ${accept}: ${version} is of ${time?.[version]}`);
        }
      }
    }
    const modern = await feed.workspace(pnpm12, "collaborator");
    await modern.add("aged@^1.0.0");
    assert.equal(await modern.installed("aged"), "1.0.0");
    const berry = await feed.workspace(yarnBerry, "collaborator");
    await berry.must(["add", "aged@^1.0.0"], { env: { YARN_NPM_MINIMAL_AGE_GATE: "1440" } });
    assert.equal(await berry.installed("aged"), "1.0.0");
  });

  test("twenty first downloads at once all get the right bytes", async () => {
    upstream.packages.add({ name: "rush", versions: { "1.0.0": {} } });
    const feed = await newFeed({ sources: [upstream] });
    const answers = await Promise.all(Array.from({ length: 20 }, () => feed.fetch("rush/-/rush-1.0.0.tgz")));
    for (const answer of answers) {
      assert.equal(answer.status, 200);
      assert.deepEqual(Buffer.from(await answer.arrayBuffer()), upstream.packages.archive("rush", "1.0.0"));
    }
    assert.equal(upstream.count("/rush/-/rush-1.0.0.tgz"), 1, "one fetch serves all that wait for it");
  });

  test("a save goes on although the client that caused it hangs up", async () => {
    upstream.packages.add({ name: "hasty", versions: { "1.0.0": {} } });
    const feed = await newFeed({ sources: [upstream] });
    const archive = "hasty/-/hasty-1.0.0.tgz";
    const release = upstream.fault(`/${archive}`, hold());
    const impatience = new AbortController();
    const download = feed.fetch(archive, { signal: impatience.signal });
    await upstream.arrived(`/${archive}`);
    impatience.abort();
    await assert.rejects(download);
    release();
    await until(async () => (await feed.fetch(archive, { role: "reader" })).status === 200, { what: "the save" });
    assert.equal(upstream.count(`/${archive}`), 1);
  });

  test("deprecation upstream reaches a saved version; a version removed upstream stays", async () => {
    upstream.packages.add({ name: "moving", versions: { "1.0.0": {}, "1.1.0": {} } });
    const feed = await newFeed({ sources: [upstream] });
    const first = await feed.workspace(npm11, "collaborator");
    await first.add("moving@1.0.0");
    upstream.packages.deprecate("moving", "1.0.0", "moved away");
    await until(async () => (await feed.json("moving")).versions["1.0.0"].deprecated === "moved away");
    const second = await feed.workspace(npm11, "collaborator");
    assert.match((await second.add("moving@1.0.0")).stderr, /deprecated moving@1\.0\.0: moved away/);
    upstream.packages.remove("moving", "1.0.0");
    await until(async () => !(await (await fetch(`${upstream.url}moving`)).json()).versions["1.0.0"]);
    const third = await feed.workspace(npm11, "reader");
    await third.add("moving@1.0.0");
    assert.equal(await third.installed("moving"), "1.0.0");
  });
});

describe("the guard against dependency confusion", () => {
  test("a name published here shadows the upstream's until it is allowed", async () => {
    const feed = await newFeed({ sources: [upstream] });
    await feed.publish(npm12, { name: "inner", version: "1.0.0" });
    upstream.packages.add({ name: "inner", versions: { "98.0.0": {}, "99.0.0": {} } });
    const app = await feed.workspace(npm12, "collaborator");
    await app.add("inner");
    assert.equal(await app.installed("inner"), "1.0.0");
    assert.deepEqual(versions(await feed.json("inner")), ["1.0.0"]);
    await refusal(await feed.fetch("inner/-/inner-99.0.0.tgz"), [403, 404]);
    await feed.allowExternal("inner");
    const other = await feed.workspace(npm12, "collaborator");
    await until(async () => versions(await feed.json("inner")).length === 3);
    await other.add("inner@99.0.0");
    assert.equal(await other.installed("inner"), "99.0.0");
    await feed.allowExternal("inner", "Auto");
    await until(async () => versions(await feed.json("inner")).join() === "1.0.0,99.0.0");
    await refusal(await feed.fetch("inner/-/inner-98.0.0.tgz"), [403, 404]);
  });

  test("a number the upstream has cannot be taken, unless the feed says so", async () => {
    upstream.packages.add({ name: "taken", versions: { "1.0.0": {} } });
    const feed = await newFeed({ sources: [upstream] });
    const manifest = { name: "taken", version: "1.0.0", private: undefined };
    const project = await feed.workspace(npm12, "contributor", { manifest });
    assert.match((await project.mustFail(["publish"])).output, /409|conflict|publish over|upstream/i);
    const lenient = await newFeed({ sources: [upstream], allowUpstreamNameConflict: true });
    // npm 7 and later refuse by themselves what the listing shows already.
    await lenient.publish(npm6, { name: "taken", version: "1.0.0" });
    assert.equal((await lenient.json("taken/1.0.0")).description, "published taken");
  });
});

describe("views", () => {
  test("show promoted versions only, and take no pushes", async () => {
    upstream.packages.add({ name: "@scope/saved", versions: { "1.0.0": {} } });
    const feed = await newFeed({ sources: [upstream] });
    await feed.publish(npm12, { name: "staged", version: "1.0.0" });
    await feed.publish(npm12, { name: "staged", version: "1.1.0" });
    await (await feed.workspace(npm12, "collaborator")).add("@scope/saved");
    await refusal(await feed.fetch("staged", { view: "Release" }), 404);
    await feed.promote("staged", "1.0.0", "Release");
    await feed.promote("@scope/saved", "1.0.0", "Release");
    const app = await feed.workspace(npm12, "reader", { view: "Release" });
    await app.add("staged", "@scope/saved");
    assert.equal(await app.installed("staged"), "1.0.0");
    assert.equal(await app.installed("@scope/saved"), "1.0.0");
    const document = await feed.json("staged", { view: "Release" });
    assert.deepEqual(versions(document), ["1.0.0"]);
    assert.equal(document["dist-tags"].latest, "1.0.0");
    assert.ok(document.versions["1.0.0"].dist.tarball.startsWith(feed.registry("Release")));
    await refusal(await feed.fetch("staged/-/staged-1.1.0.tgz", { view: "Release" }), 404);
    assert.deepEqual(versions(await feed.json("staged", { view: "Local" })), ["1.0.0", "1.1.0"]);
    const manifest = { name: "staged", version: "2.0.0", private: undefined };
    const publisher = await feed.workspace(npm12, "contributor", { view: "Release", manifest });
    assert.match((await publisher.mustFail(["publish"])).output, /view/i);
  });
});

describe("several sources", () => {
  test("give the union of their versions; the first supplies a number that both have", async () => {
    const other = await startNpmUpstream();
    try {
      upstream.packages.add({ name: "shared", versions: { "1.0.0": { description: "first" }, "1.1.0": {} } });
      other.packages.add({ name: "shared", versions: { "1.0.0": { description: "second" }, "2.0.0": {} } });
      const feed = await newFeed({ sources: [upstream, other] });
      const document = await feed.json("shared");
      assert.deepEqual(versions(document), ["1.0.0", "1.1.0", "2.0.0"]);
      assert.equal(document.versions["1.0.0"].description, "first");
      const app = await feed.workspace(npm12, "collaborator");
      await app.add("shared@1.0.0");
      assert.equal(JSON.parse(await app.read("node_modules/shared/package.json")).description, "first");
      await app.add("shared@2.0.0");
    } finally {
      await other.stop();
    }
  });

  test("another feed's view is a source: its local versions, nothing it could fetch", async () => {
    upstream.packages.add({ name: "far", versions: { "1.0.0": {} } });
    const inner = await newFeed({ sources: [upstream] });
    await inner.publish(npm12, { name: "house", version: "1.0.0" });
    const feed = await newFeed({ sources: [inner] });
    const app = await feed.workspace(npm12, "collaborator");
    await app.add("house");
    assert.equal(await app.installed("house"), "1.0.0");
    await refusal(await feed.fetch("far"), 404);
    await (await inner.workspace(npm12, "collaborator")).add("far@1.0.0");
    await until(async () => (await feed.fetch("far")).status === 200);
    await app.add("far@1.0.0");
  });
});

test("a feed at the root of a host: links, services and attestations without a prefix", async () => {
  upstream.packages.add({ name: "rooted", versions: { "1.0.0": { attested: true } } });
  const port = await freePort();
  const hosted = await startEdgefeed({ port, vars: { HOST_FEEDS: JSON.stringify({ [`127.0.0.1:${port}`]: "local/rooted" }) } });
  try {
    const feed = await hosted.feed({ name: "rooted", sources: [upstream] });
    const root = `http://127.0.0.1:${port}/`;
    const app = await feed.workspace(npm12, "collaborator");
    await app.configure({ registry: root, token: await feed.token("collaborator") });
    await app.add("rooted");
    assert.equal(await app.installed("rooted"), "1.0.0");
    const headers = { authorization: `Bearer ${await feed.token("collaborator")}` };
    const { dist } = await (await fetch(`${root}rooted/latest`, { headers })).json();
    assert.equal(dist.tarball, `${root}rooted/-/rooted-1.0.0.tgz`);
    assert.ok(dist.attestations.url.startsWith(`${root}-/npm/v1/attestations/`));
    assert.equal((await fetch(dist.attestations.url, { headers })).status, 200);
    const whoami = await app.must(["whoami"]);
    assert.equal(whoami.stdout.trim(), "collaborator-of-rooted");
    assert.equal((await feed.json("rooted")).versions["1.0.0"].dist.tarball, `${feed.registry()}rooted/-/rooted-1.0.0.tgz`);
    await feed.dispose();
  } finally {
    await hosted.stop();
  }
});

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((listening) => server.once("listening", listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}
