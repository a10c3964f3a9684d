// What a feed adds to a Python index: saving and roles, pages of what can be downloaded, the guard, views, several
// sources; and that what the upstream says arrives as it said it.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { filePath, startPypiUpstream } from "../upstream/pypi.mjs";
import { wheel } from "../upstream/pypi-packages.mjs";
import { cost, refused, until } from "./support/edgefeed.mjs";
import { feedMaker } from "./support/feeds.mjs";
import { missing, pip26, twine, uv } from "./support/python.mjs";

const JSON_TYPE = "application/vnd.pypi.simple.v1+json";

const newFeed = feedMaker({ protocol: "pypi" });
let upstream;

before(async () => {
  upstream = await startPypiUpstream();
});

after(() => upstream?.stop());

const page = (feed, name, options) => feed.json(`simple/${name}/`, { headers: { accept: JSON_TYPE }, ...options });
const names = ({ files }) => files.map(({ filename }) => filename).sort();

/** A GET of an address that a page gave, as `role`. */
async function follow(feed, url, role = "collaborator") {
  return fetch(url, { headers: { authorization: `Bearer ${await feed.token(role)}` } });
}

async function publish(feed, name, version) {
  const app = await feed.python(twine, "contributor");
  const { filename, bytes } = wheel(name, version);
  await app.write(`dist/${filename}`, bytes);
  await app.must(["upload", "dist/*"]);
}

describe("saving", { skip: missing() }, () => {
  test("a reader is refused what only the upstream has, and sees exactly the files that were saved", async () => {
    upstream.packages.add({ name: "left", versions: { "1.0": {}, "1.1": {} } });
    const feed = await newFeed({ sources: [upstream] });
    const { files } = await page(feed, "left");
    assert.equal(files.length, 4);
    const [first, second] = files.filter(({ filename }) => filename.startsWith("left-1.0"));
    const text = await refused(await follow(feed, first.url, "reader"), 403, /collaborator/i);
    assert.match(text, /left/);
    assert.equal((await follow(feed, first.url)).status, 200);
    assert.equal((await follow(feed, first.url, "reader")).status, 200);
    assert.deepEqual(names(await page(feed, "left", { role: "reader" })), [first.filename]);
    await refused(await follow(feed, second.url, "reader"), 403, /collaborator/i);
    const reader = await feed.python(pip26, "reader");
    await reader.install("left");
    assert.equal(await reader.installed("left"), "1.0");
  });

  test("an anonymous user of a private feed is asked for credentials, of a public feed sees what is local", async () => {
    upstream.packages.add({ name: "open", versions: { "1.0": { kinds: ["wheel"] }, "1.1": {} } });
    const closed = await newFeed({ sources: [upstream] });
    const challenge = await closed.fetch("simple/open/", { role: "anonymous" });
    assert.equal(challenge.status, 401);
    assert.match(challenge.headers.get("www-authenticate"), /^Basic/);
    const feed = await newFeed({ sources: [upstream], isPublic: true });
    await (await feed.python(uv, "collaborator")).install("open==1.0");
    const visitor = await feed.python(uv, "anonymous");
    await visitor.install("open");
    assert.equal(await visitor.installed("open"), "1.0");
  });

  test("what the upstream says of a file arrives as it said it, before and after saving", async () => {
    const described = { requiresPython: ">=3.8,<99", requires: ["left"], provenance: true, time: "2024-05-06T07:08:09.123456Z" };
    upstream.packages.add({ name: "exact", versions: { "1.0": described, "1.1": { yanked: 'the "reason" & <more>' } } });
    const feed = await newFeed({ sources: [upstream] });
    const file = upstream.packages.archive("exact", "1.0");
    for (const role of ["collaborator", "reader"]) {
      const whole = await page(feed, "exact", { role });
      const listed = whole.files.find(({ filename }) => filename === file.filename);
      assert.equal(listed["requires-python"], ">=3.8,<99");
      assert.equal(listed.hashes.sha256, file.sha256);
      assert.equal(listed.size, file.size);
      assert.equal(new Date(listed["upload-time"]).getTime(), new Date(described.time).getTime());
      assert.equal(Boolean(listed.yanked), false);
      assert.ok(listed.url.startsWith(feed.registry()));
      const answer = await follow(feed, listed.url, role);
      assert.deepEqual(Buffer.from(await answer.arrayBuffer()), file.bytes);
      assert.equal(answer.headers.get("content-encoding"), null);
      const metadata = Buffer.from(await (await follow(feed, `${listed.url}.metadata`, role)).arrayBuffer());
      assert.deepEqual(metadata, file.metadata);
      if (role === "collaborator") {
        const yanked = whole.files.filter((one) => one.filename.startsWith("exact-1.1"));
        assert.deepEqual(yanked.map((one) => one.yanked), ['the "reason" & <more>', 'the "reason" & <more>']);
        for (const one of yanked) await (await follow(feed, one.url)).arrayBuffer();
      }
    }
    const html = await (await feed.fetch("simple/exact/", { headers: { accept: "text/html" }, role: "reader" })).text();
    assert.match(html, /data-requires-python="&gt;=3\.8,&lt;99"/);
    assert.match(html, /data-yanked="the &quot;reason&quot; &amp; &lt;more&gt;"/);
    assert.match(html, new RegExp(`#sha256=${file.sha256}`));
  });

  test("metadata comes without the wheel, and a wheel may be read in ranges", async () => {
    upstream.packages.add({ name: "lazy", versions: { "1.0": { kinds: ["wheel"] } } });
    const feed = await newFeed({ sources: [upstream] });
    const [{ url }] = (await page(feed, "lazy")).files;
    upstream.forget();
    assert.equal((await follow(feed, `${url}.metadata`)).status, 200);
    assert.equal(upstream.count(/\.whl$/), 0);
    const headers = { authorization: `Bearer ${await feed.token("collaborator")}`, range: "bytes=-22" };
    await (await follow(feed, url)).arrayBuffer();
    const end = await fetch(url, { headers });
    assert.equal(end.status, 206);
    assert.equal((await end.arrayBuffer()).byteLength, 22);
    const head = await fetch(url, { method: "HEAD", headers: { authorization: headers.authorization } });
    assert.equal(Number(head.headers.get("content-length")), upstream.packages.archive("lazy", "1.0").size);
  });

  test("a first fetch costs two upstream requests and one for the metadata beside the file, a warm one none", async () => {
    upstream.packages.add({ name: "cheap", versions: { "1.0": { kinds: ["wheel"] } } });
    const source = { name: "stub", protocol: "pypi", location: upstream.url, upstreamSourceType: "public" };
    const feed = await newFeed({ sources: [source] });
    upstream.forget();
    const [{ url }] = (await page(feed, "cheap")).files;
    await (await follow(feed, url)).arrayBuffer();
    await upstream.arrived(/\.metadata$/);
    assert.equal(upstream.count(), 3);
    await until(async () => {
      upstream.forget();
      await (await follow(feed, `${url}.metadata`)).arrayBuffer();
      return upstream.count() === 0;
    }, { what: "the metadata to be kept" });
    await until(async () => {
      const listing = await feed.fetch("simple/cheap/", { headers: { accept: JSON_TYPE } });
      await listing.arrayBuffer();
      const { r2, kv } = cost(listing);
      return kv <= 1 && r2 <= 1;
    }, { what: "a warm page for one KV read and one R2 head" });
    const file = await follow(feed, url);
    await file.arrayBuffer();
    const { r2, kv } = cost(file);
    assert.ok(r2 <= 2 && kv === 0, `a warm download cost ${r2} R2 and ${kv} KV operations`);
    assert.deepEqual(upstream.requests().map(({ path }) => path), []);
  });
});

describe("pages", () => {
  test("come in the form that Accept names, with validators; other spellings are redirected on the same host", async () => {
    upstream.packages.add({ name: "Some_Name", versions: { "1.0": {} } });
    const feed = await newFeed({ sources: [upstream] });
    const json = await feed.fetch("simple/some-name/", { headers: { accept: `${JSON_TYPE}, text/html; q=0.01` } });
    assert.equal(json.headers.get("content-type"), JSON_TYPE);
    assert.match(json.headers.get("vary") ?? "", /accept/i);
    const html = await feed.fetch("simple/some-name/", { headers: { accept: "text/html" } });
    assert.match(html.headers.get("content-type"), /html/);
    assert.equal((await feed.fetch("simple/some-name/")).status, 200);
    for (const [answer, accept] of [[json, JSON_TYPE], [html, "text/html"]]) {
      const known = await feed.fetch("simple/some-name/", { headers: { accept, "if-none-match": answer.headers.get("etag") } });
      assert.equal(known.status, 304);
      const type = known.headers.get("content-type");
      assert.ok([null, answer.headers.get("content-type")].includes(type), `a 304 of type ${type}`);
    }
    for (const spelling of ["simple/Some_Name/", "simple/some.name", "simple/some-name"]) {
      const moved = await feed.fetch(spelling);
      assert.ok([301, 302, 307, 308].includes(moved.status), `${spelling}: ${moved.status}`);
      const target = new URL(moved.headers.get("location"), feed.registry() + spelling);
      assert.equal(target.href, `${feed.registry()}simple/some-name/`);
    }
  });

  test("the list of projects and the project's JSON", async () => {
    upstream.packages.add({ name: "informed", versions: { "1.0": {}, "1.1": {} } });
    const feed = await newFeed({ sources: [upstream] });
    for (const { url } of (await page(feed, "informed")).files) await (await follow(feed, url)).arrayBuffer();
    const listed = async () => (await feed.json("simple/", { headers: { accept: JSON_TYPE } })).projects.map(({ name }) => name.toLowerCase());
    await until(async () => (await listed()).includes("informed"), { what: "the project in the list" });
    const whole = await feed.json("informed/json");
    assert.equal(whole.info.name, "informed");
    assert.equal(whole.info.version, "1.1");
    const [one] = (await feed.json("informed/1.0/json")).urls;
    assert.equal(one.digests.sha256, upstream.packages.archive("informed", "1.0", one.packagetype === "sdist" ? "sdist" : "wheel").sha256);
    await refused(await feed.fetch("simple/absent/"), 404);
  });

  test("an upstream that knows HTML only, or is a thin mirror, does as well", { skip: missing() }, async () => {
    for (const kind of [{ htmlOnly: true }, { thin: true }]) {
      const other = await startPypiUpstream(kind);
      try {
        other.packages.add({ name: "plain", versions: { "1.0": { yanked: true, requiresPython: ">=3.8" }, "0.9": {} } });
        const feed = await newFeed({ sources: [other] });
        const app = await feed.python(uv, "collaborator");
        await app.install("plain");
        assert.equal(await app.installed("plain"), "0.9");
        const file = (await page(feed, "plain")).files.find(({ filename }) => filename.endsWith("1.0-py3-none-any.whl"));
        assert.deepEqual([Boolean(file.yanked), file["requires-python"]], [true, ">=3.8"]);
      } finally {
        await other.stop();
      }
    }
  });
});

describe("the guard against dependency confusion", { skip: missing() }, () => {
  test("a name published here shadows the upstream's, in any spelling, until it is allowed", async () => {
    const feed = await newFeed({ sources: [upstream] });
    await publish(feed, "Inner.Tool", "1.0");
    upstream.packages.add({ name: "inner_tool", versions: { "98.0": {}, "99.0": {} } });
    const app = await feed.python(uv, "collaborator");
    await app.install("inner-tool");
    assert.equal(await app.installed("inner-tool"), "1.0");
    const hidden = upstream.packages.archive("inner_tool", "99.0").filename;
    await refused(await feed.fetch(`download/inner-tool/99.0/${hidden}`), [403, 404]);
    await feed.allowExternal("inner-tool");
    await until(async () => (await page(feed, "inner-tool")).versions.length === 3);
    await app.install("inner-tool==99.0");
    assert.equal(await app.installed("inner-tool"), "99.0");
  });

  test("a number the upstream has cannot be taken, unless the feed says so", async () => {
    upstream.packages.add({ name: "taken", versions: { "1.0": {} } });
    await assert.rejects(publish(await newFeed({ sources: [upstream] }), "taken", "1.0"), /409|conflict|upstream/i);
    await publish(await newFeed({ sources: [upstream], allowUpstreamNameConflict: true }), "taken", "1.0");
  });
});

describe("views and sources", { skip: missing() }, () => {
  test("a view shows promoted versions only", async () => {
    const feed = await newFeed({ sources: [upstream] });
    for (const version of ["1.0", "1.1"]) await publish(feed, "staged", version);
    await refused(await feed.fetch("simple/staged/", { view: "Release" }), 404);
    await feed.promote("staged", "1.0", "Release");
    const app = await feed.python(pip26, "reader", { view: "Release" });
    await app.install("staged");
    assert.equal(await app.installed("staged"), "1.0");
    const { files, versions } = await page(feed, "staged", { view: "Release" });
    assert.deepEqual(versions, ["1.0"]);
    assert.ok(files[0].url.startsWith(feed.registry("Release")));
  });

  test("several sources give the union; the first supplies a number that both have", async () => {
    const other = await startPypiUpstream();
    try {
      upstream.packages.add({ name: "shared", versions: { "1.0": { summary: "first" }, "1.1": {} } });
      other.packages.add({ name: "shared", versions: { "1.0": { summary: "second" }, "2.0": {} } });
      const feed = await newFeed({ sources: [upstream, other] });
      const { files, versions } = await page(feed, "shared");
      assert.deepEqual(versions.sort(), ["1.0", "1.1", "2.0"]);
      const file = files.find(({ filename }) => filename === "shared-1.0-py3-none-any.whl");
      assert.equal(file.hashes.sha256, upstream.packages.archive("shared", "1.0").sha256);
      await (await feed.python(uv, "collaborator")).install("shared==2.0");
    } finally {
      await other.stop();
    }
  });

  test("another feed's view is a source", async () => {
    upstream.packages.add({ name: "far", versions: { "1.0": {} } });
    const inner = await newFeed({ sources: [upstream] });
    await publish(inner, "house", "1.0");
    const feed = await newFeed({ sources: [inner] });
    const app = await feed.python(uv, "collaborator");
    await app.install("house");
    assert.equal(await app.installed("house"), "1.0");
    await refused(await feed.fetch("simple/far/"), 404);
  });

  test("what the upstream yanks or removes later: the mark arrives, what was saved stays", async () => {
    upstream.packages.add({ name: "moving", versions: { "1.0": {}, "1.1": {} } });
    const feed = await newFeed({ sources: [upstream] });
    await (await feed.python(uv, "collaborator")).install("moving==1.1");
    upstream.packages.yank("moving", "1.1", "moved away");
    await until(async () => (await page(feed, "moving")).files.some(({ yanked }) => yanked === "moved away"), { what: "the yank" });
    const path = filePath(upstream.packages.archive("moving", "1.1"));
    upstream.packages.remove("moving", "1.1");
    assert.equal((await fetch(upstream.url + path.slice(1))).status, 404);
    const reader = await feed.python(uv, "reader");
    await reader.install("moving==1.1");
    assert.equal(await reader.installed("moving"), "1.1");
  });
});
