// 500 MB through every protocol whose clients cannot send parts: the body that the client would send is uploaded in parts through
// a front that takes no request over 100 MB, published by the client's own request, and restored by the client itself, in
// ranges, and whole.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { mkdtemp, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { publishLarge } from "../../tools/large-publish.mjs";
import { noise, tarball, zip } from "../upstream/archive.mjs";
import { fileName, folder as versionFolder } from "../upstream/maven-packages.mjs";
import { nuspec } from "../upstream/nuget-packages.mjs";
import { coreMetadata } from "../upstream/pypi-packages.mjs";
import { npm12 } from "./support/clients.mjs";
import { startEdgefeed } from "./support/edgefeed.mjs";
import { BODY_LIMIT, limitedBuild, startLimited } from "./support/limited.mjs";
import { missing as missingMaven } from "./support/maven.mjs";
import { missing as missingNuget, nuget5 } from "./support/nuget.mjs";
import { pip26 } from "./support/python.mjs";

const MEGABYTE = 1_000_000;
const SIZE = 500 * MEGABYTE;
const BOUNDARY = "a-boundary-that-is-nowhere-else";

let edgefeed;
let front;
let folder;
let ballast;

before(async () => {
  edgefeed = await startEdgefeed({ build: limitedBuild() });
  front = await startLimited(edgefeed.url);
  folder = await mkdtemp(join(tmpdir(), "edgefeed-large-"));
  ballast = noise(SIZE);
});

after(async () => {
  await front?.stop();
  await edgefeed?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Below `root` of the feed: what is published there, as pieces of a body, and the client that restores it. */
const PROTOCOLS = {
  npm: {
    archive: () => tarball({ "package/package.json": '{"name":"big","version":"1.0.0"}', "package/ballast.bin": ballast }, { level: 0 }),
    push: (archive) => ["PUT", "npm/registry/big", npmDocument(archive), "application/json"],
    path: () => "big/-/big-1.0.0.tgz",
    restore: async (feed) => (await feed.workspace(npm12, "reader")).add("big@1.0.0"),
  },
  pypi: {
    archive: () => wheel(),
    push: (archive) => {
      const fields = { ":action": "file_upload", protocol_version: "1", name: "big", version: "1.0", filetype: "bdist_wheel", pyversion: "py3", metadata_version: "2.4" };
      return ["POST", "pypi/upload/", form(fields, "content", "big-1.0-py3-none-any.whl", archive), `multipart/form-data; boundary=${BOUNDARY}`];
    },
    path: async (feed) => {
      const page = await feed.json("simple/big/", { role: "reader", headers: { accept: "application/vnd.pypi.simple.v1+json" } });
      return new URL(page.files[0].url, `${feed.registry()}simple/big/`).href.slice(feed.registry().length).split("#")[0];
    },
    restore: async (feed) => (await feed.python(pip26, "reader")).install("big==1.0"),
  },
  nuget: {
    archive: () => zip({ "big.nuspec": nuspec("big", "1.0.0"), "content/ballast.bin": ballast }, { store: true }),
    push: (archive) => ["PUT", "nuget/v3/package/", form({}, "package", "package.nupkg", archive), `multipart/form-data; boundary=${BOUNDARY}`],
    path: () => "v3/flat2/big/1.0.0/big.1.0.0.nupkg",
    restore: async (feed) => missingNuget() || (await feed.nuget(nuget5, "reader")).install("big", "1.0.0"),
  },
  maven: {
    archive: () => ballast,
    push: (archive) => ["PUT", `maven/v1/${mavenPath()}`, [archive]],
    path: () => mavenPath(),
    restore: async (feed) => missingMaven() || (await feed.maven("reader")).resolve(["org.example:big:1.0"]),
  },
  cargo: {
    archive: () => tarball({ "big-1.0.0/Cargo.toml": '[package]\nname = "big"\nversion = "1.0.0"\nedition = "2021"\n', "big-1.0.0/src/lib.rs": "", "big-1.0.0/ballast.bin": ballast }, { level: 0 }),
    push: (archive) => ["PUT", "Cargo/api/v1/crates/new", crateFrame(archive)],
    path: () => "api/v1/crates/big/1.0.0/download",
    restore: async (feed) => {
      const app = await feed.cargo("reader");
      await app.package("", { dependencies: { big: { version: "1.0.0", registry: "feed" } } });
      return app.must(["fetch"]);
    },
  },
};

for (const [protocol, { archive, push, path, restore }] of Object.entries(PROTOCOLS)) {
  test(`500 MB by ${protocol}`, { timeout: 600_000 }, async (t) => {
    const feed = await edgefeed.feed({ protocol });
    const whole = archive();
    const [method, place, pieces, contentType] = push(whole);
    const file = join(folder, protocol);
    await write(file, pieces);
    const about = { feed: `${front.url}/local/_packaging/${feed.name}`, token: await feed.token("contributor") };
    let began = performance.now();
    const since = () => `${((performance.now() - began) / 1_000).toFixed(1)} s`;
    const published = await publishLarge({ ...about, method, path: place, file, contentType, headers: { "x-nuget-apikey": about.token } });
    assert.ok(published.ok, `${published.status}: ${await published.text()}`);
    t.diagnostic(`published in ${since()}`);
    rmSync(file);
    if (protocol === "maven") await publishPom(feed);

    began = performance.now();
    await restore(feed);
    t.diagnostic(`restored by its client in ${since()}`);
    await feed.dispose();
    await handedOut(feed, await path(feed), whole);
  });
}

test("no request was larger than the platform takes, and memory is bounded", async () => {
  assert.ok(front.largest > 60 * MEGABYTE && front.largest <= BODY_LIMIT, `${front.largest} bytes`);
  const { memory } = await (await fetch(`${edgefeed.url}/_edgefeed/health`)).json();
  assert.ok(memory < 64 << 20, `wasm memory: ${Math.round(memory / MEGABYTE)} MB`);
  const refused = await fetch(`${front.url}/local/_packaging/any/uploads/x?part=1`, { method: "PUT", body: ballast.subarray(0, BODY_LIMIT + 1) }).catch((error) => error);
  assert.ok(refused.status === 413 || refused instanceof TypeError, "the front takes more than production does");
});

/** `HEAD`, a range from the middle on that goes on where it was cut, and a strong validator. */
async function handedOut(feed, path, whole) {
  const reader = { role: "reader" };
  const head = await feed.fetch(path, { ...reader, method: "HEAD" });
  const etag = head.headers.get("etag");
  assert.deepEqual([head.status, head.headers.get("content-length"), head.headers.get("accept-ranges")], [200, String(whole.length), "bytes"]);
  assert.match(etag, /^"[^"]+"$/);
  const middle = whole.length - 150 * MEGABYTE;
  const rest = await feed.fetch(path, { ...reader, headers: { range: `bytes=${middle}-`, "if-range": etag } });
  assert.equal(rest.headers.get("content-range"), `bytes ${middle}-${whole.length - 1}/${whole.length}`);
  const hash = createHash("sha256");
  for await (const piece of rest.body) hash.update(piece);
  assert.equal(hash.digest("hex"), createHash("sha256").update(whole.subarray(middle)).digest("hex"));
  assert.equal((await feed.fetch(path, { ...reader, headers: { "if-none-match": etag } })).status, 304);
}

async function write(file, pieces) {
  const handle = await open(file, "w");
  for (const piece of pieces) await handle.writeFile(piece);
  await handle.close();
}

/** A document that is too long for a text of JavaScript's. */
function* npmDocument(archive) {
  const integrity = `sha512-${createHash("sha512").update(archive).digest("base64")}`;
  const manifest = { name: "big", version: "1.0.0", dist: { integrity } };
  const document = { _id: "big", name: "big", "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": manifest } };
  yield `${JSON.stringify(document).slice(0, -1)},"_attachments":{"big-1.0.0.tgz":{"content_type":"application/octet-stream","length":${archive.length},"data":"`;
  const step = 3 << 22; // whole groups of three bytes are four digits of Base64
  for (let at = 0; at < archive.length; at += step) yield archive.subarray(at, at + step).toString("base64");
  yield `"}}}`;
}

function form(fields, name, filename, content) {
  const part = (about, value) => [`--${BOUNDARY}\r\nContent-Disposition: form-data; ${about}\r\n\r\n`, value, "\r\n"];
  const texts = Object.entries(fields).flatMap(([key, value]) => part(`name="${key}"`, value));
  return [...texts, ...part(`name="${name}"; filename="${filename}"`, content), `--${BOUNDARY}--\r\n`];
}

function wheel() {
  const info = "big-1.0.dist-info";
  const files = {
    "big/__init__.py": "",
    "big/ballast.bin": ballast,
    [`${info}/METADATA`]: coreMetadata("big", "1.0"),
    [`${info}/WHEEL`]: "Wheel-Version: 1.0\nGenerator: scripted\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
  };
  const record = [...Object.keys(files), `${info}/RECORD`].map((path) => `${path},,\n`).join("");
  return zip({ ...files, [`${info}/RECORD`]: record }, { store: true });
}

/** As cargo frames it: two lengths, each before what it is the length of. */
function crateFrame(archive) {
  const metadata = Buffer.from(JSON.stringify({ name: "big", vers: "1.0.0", deps: [], features: {}, authors: [], description: "big", license: "MIT" }));
  const length = (bytes) => {
    const frame = Buffer.alloc(4);
    frame.writeUInt32LE(bytes.length);
    return frame;
  };
  return [length(metadata), metadata, length(archive), archive];
}

function mavenPath(about) {
  return `${versionFolder("org.example:big", "1.0")}/${fileName("org.example:big", "1.0", about)}`;
}

/** Small enough to be sent as it is. */
async function publishPom(feed) {
  const pom = '<project><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId><artifactId>big</artifactId><version>1.0</version></project>';
  const answer = await feed.fetch(mavenPath({ extension: "pom" }), { role: "contributor", method: "PUT", body: pom });
  assert.ok(answer.ok, `${answer.status}: ${await answer.text()}`);
}
