// The scripted npm registry itself: a real `npm install` against it, its documents, and each of its faults.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createPublicKey, createHash, verify } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";

import { noise, tarball } from "./archive.mjs";
import * as faults from "./faults.mjs";
import { startNpmUpstream } from "./npm.mjs";

const INSTALL = "application/vnd.npm.install-v1+json";
let upstream;
let folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "npm-upstream-"));
  upstream = await startNpmUpstream();
  upstream.packages.add({
    name: "left",
    description: "goes left",
    versions: {
      "1.0.0": { deprecated: "too old" },
      "1.1.0": { dependencies: { "@scope/right": "^2.0.0" }, attested: true },
      "2.0.0-rc.1": { bin: { left: "cli.js" }, files: { "cli.js": { content: "#!/usr/bin/env node\n", mode: 0o755 } } },
    },
    tags: { latest: "1.1.0", next: "2.0.0-rc.1" },
  });
  upstream.packages.add({ name: "@scope/right", versions: { "2.0.0": {}, "2.0.1": {} } });
  upstream.addAdvisory("left", { id: 1, title: "bad", severity: "high", vulnerable_versions: "<1.1.0", affected: ["1.0.0"] });
});

afterEach(async () => {
  upstream.heal();
  await upstream.up();
});

after(async () => {
  await upstream.stop();
  await rm(folder, { recursive: true });
});

async function npm(...args) {
  const home = await mkdtemp(join(folder, "home-"));
  await writeFile(join(home, "package.json"), '{"name":"app","version":"1.0.0","private":true}');
  const own = { HOME: home, npm_config_registry: upstream.url, npm_config_cache: join(home, "cache") };
  const options = { cwd: home, env: { PATH: process.env.PATH, ...own }, timeout: 120_000 };
  const flags = ["--no-audit", "--no-fund", "--no-update-notifier", "--fetch-retries=0"];
  const { stdout, stderr } = await promisify(execFile)("npm", [...args, ...flags], options);
  return { home, stdout, stderr };
}

const get = (path, headers = {}) => fetch(new URL(path, upstream.url), { headers });

describe("clients", () => {
  test("npm installs by range with a scoped dependency, and reports the deprecated version", async () => {
    const { home } = await npm("install", "left@^1.0.0");
    const read = async (name) => JSON.parse(await readFile(join(home, "node_modules", name, "package.json")));
    assert.equal((await read("left")).version, "1.1.0");
    assert.equal((await read("@scope/right")).version, "2.0.1");
    const [asked] = upstream.requests("/left/-/left-1.1.0.tgz");
    assert.match(asked.headers["pacote-integrity"], /^sha512-/);
    const old = await npm("install", "left@1.0.0");
    assert.match(old.stderr, /deprecated left@1\.0\.0: too old/);
  });

  test("npm installs by tag and links the command", async () => {
    const { home } = await npm("install", "left@next");
    await readFile(join(home, "node_modules", ".bin", "left"));
  });

  test("npm audit finds the advisory", async () => {
    const { home } = await npm("install", "left@1.0.0");
    const lock = JSON.parse(await readFile(join(home, "package-lock.json")));
    assert.ok(lock.packages["node_modules/left"]);
    const body = gzipSync(JSON.stringify({ left: ["1.0.0"], "@scope/right": ["2.0.0"] }));
    const url = new URL("-/npm/v1/security/advisories/bulk", upstream.url);
    const answer = await fetch(url, { method: "POST", body, headers: { "content-encoding": "gzip" } });
    assert.deepEqual(Object.keys(await answer.json()), ["left"]);
  });
});

describe("documents", () => {
  test("full and abbreviated differ as on the real registry", async () => {
    const full = await (await get("left")).json();
    const answer = await get("left", { accept: `${INSTALL}; q=1.0, application/json; q=0.8, */*` });
    const short = await answer.json();
    assert.equal(answer.headers.get("content-type"), INSTALL);
    assert.equal(full.time["1.1.0"], "2024-01-02T00:00:00.000Z");
    assert.equal(full.versions["1.1.0"].description, "goes left");
    assert.equal(short.time, undefined);
    assert.equal(short.modified, full.time.modified);
    assert.equal(short.versions["1.1.0"].description, undefined);
    assert.equal(short.versions["1.0.0"].deprecated, "too old");
  });

  test("validators answer 304 until something changes", async () => {
    const first = await get("@scope%2fright");
    const known = { "if-none-match": `W/${first.headers.get("etag")}` };
    assert.equal((await get("@scope/right", known)).status, 304);
    const since = { "if-modified-since": first.headers.get("last-modified") };
    assert.equal((await get("@scope%2Fright", since)).status, 304);
    upstream.packages.publish("@scope/right", "2.1.0");
    assert.equal((await get("@scope/right", known)).status, 200);
    assert.equal((await get("@scope/right", since)).status, 200);
    upstream.packages.remove("@scope/right", "2.1.0");
    assert.equal((await (await get("@scope/right")).json())["dist-tags"].latest, "2.0.1");
  });

  test("signatures verify with the published key, attestations name the digest", async () => {
    const { keys } = await (await get("-/npm/v1/keys")).json();
    const { dist } = await (await get("left/latest")).json();
    const key = createPublicKey({ key: Buffer.from(keys[0].key, "base64"), format: "der", type: "spki" });
    const [{ keyid, sig }] = dist.signatures;
    assert.equal(keyid, keys[0].keyid);
    const message = Buffer.from(`left@1.1.0:${dist.integrity}`);
    assert.ok(verify("sha256", message, key, Buffer.from(sig, "base64")));
    const { attestations } = await (await fetch(dist.attestations.url)).json();
    const statement = JSON.parse(Buffer.from(attestations[0].bundle.dsseEnvelope.payload, "base64"));
    assert.equal(statement.subject[0].digest.sha512.length, 128);
  });

  test("archives match their digests, in ranges too", async () => {
    const { dist } = await (await get("@scope/right/2.0.0")).json();
    const bytes = Buffer.from(await (await fetch(dist.tarball)).arrayBuffer());
    assert.equal(`sha512-${createHash("sha512").update(bytes).digest("base64")}`, dist.integrity);
    const part = await fetch(dist.tarball, { headers: { range: "bytes=-5" } });
    assert.equal(part.status, 206);
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), bytes.subarray(-5));
    const head = await fetch(dist.tarball, { method: "HEAD" });
    assert.equal(head.headers.get("content-length"), String(bytes.length));
  });

  test("search, unknown names and a packument of more than 20 MB", async () => {
    const found = await (await get("-/v1/search?text=left&size=1")).json();
    assert.equal(found.objects[0].package.name, "left");
    assert.equal((await get("absent")).status, 404);
    assert.equal((await get("left/9.9.9")).status, 404);
    upstream.packages.addHuge("huge", { versions: 500, megabytes: 20 });
    assert.ok((await (await get("huge")).arrayBuffer()).byteLength > 20e6);
  });

  test("archives are deterministic, long paths included", () => {
    const files = { [`package/${"a/".repeat(60)}b.js`]: "1", "package/package.json": "{}" };
    assert.deepEqual(tarball(files), tarball(files));
    assert.deepEqual(noise(64, 7), noise(64, 7));
  });
});

describe("faults", () => {
  const document = "left";
  const archive = "left/-/left-1.0.0.tgz";

  test("a server that is down refuses, and comes back on its port", async () => {
    await upstream.down();
    await assert.rejects(get(document));
    await upstream.up();
    assert.equal((await get(document)).status, 200);
  });

  test("reset, truncated, hanging", async () => {
    upstream.fault("/left", faults.reset(), { times: 1 });
    await assert.rejects(get(document));
    upstream.fault(/tgz$/, faults.truncate(), { times: 1 });
    const cut = await get(archive);
    await assert.rejects(cut.arrayBuffer());
    upstream.fault("/left", faults.hang(), { times: 1 });
    await assert.rejects(fetch(new URL(document, upstream.url), { signal: AbortSignal.timeout(100) }));
    assert.equal((await get(document)).status, 200);
  });

  test("statuses, for as many requests as asked", async () => {
    upstream.fault("/left", faults.tooManyRequests(3), { times: 1 });
    const refused = await get(document);
    assert.deepEqual([refused.status, refused.headers.get("retry-after")], [429, "3"]);
    upstream.fault("/left", faults.status(404), { times: 1 });
    assert.equal((await get(document)).status, 404);
    assert.equal((await get(document)).status, 200);
  });

  test("other bytes, other documents, other ways of sending", async () => {
    const right = Buffer.from(await (await get(archive)).arrayBuffer());
    upstream.fault(/tgz$/, faults.wrongBytes(), { times: 1 });
    const wrong = Buffer.from(await (await get(archive)).arrayBuffer());
    assert.equal(wrong.length, right.length);
    assert.notDeepEqual(wrong, right);
    for (const [fault, check] of [
      [faults.chunked(), (answer) => answer.headers.get("content-length") === null],
      [faults.drip({ pieces: 3, milliseconds: 1 }), () => true],
      [faults.delay(5), () => true],
    ]) {
      upstream.fault(/tgz$/, fault, { times: 1 });
      const answer = await get(archive);
      assert.ok(check(answer));
      assert.deepEqual(Buffer.from(await answer.arrayBuffer()), right);
    }
    upstream.fault("/left", faults.html(), { times: 1 });
    assert.match((await get(document)).headers.get("content-type"), /html/);
    upstream.fault("/left", faults.redirect("/@scope/right"), { times: 1 });
    assert.equal((await (await get(document)).json()).name, "@scope/right");
  });

  test("a gzip bomb is small on the wire and large after it", async () => {
    upstream.fault("/left", faults.gzipBomb(32), { times: 1 });
    const answer = await get(document);
    assert.ok(Number(answer.headers.get("content-length")) < 200_000);
    assert.ok((await answer.arrayBuffer()).byteLength > 32e6);
  });

  test("requests can be held until the test lets them go", async () => {
    upstream.forget();
    upstream.fault("/left", faults.hold());
    const answers = [get(document), get(document)];
    await upstream.arrived("/left", 2);
    upstream.heal();
    for (const answer of await Promise.all(answers)) assert.equal(answer.status, 200);
  });
});
