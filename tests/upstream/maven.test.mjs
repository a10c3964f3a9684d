// The scripted Maven repository itself: its documents, and real Maven against it. Faults are the frame's, and are tried with
// npm's registry; one of each kind of request is tried here.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, afterEach, before, describe, test } from "node:test";

import { MavenWorkspace, missing } from "../e2e/support/maven.mjs";
import * as faults from "./faults.mjs";
import { artifactPath, metadataPath, startMavenUpstream } from "./maven.mjs";

const LEFT = "org.example:left";
let upstream;

before(async () => {
  upstream = await startMavenUpstream();
  describeArtifacts(upstream.packages);
});

afterEach(() => upstream.heal());
after(() => upstream.stop());

function describeArtifacts(packages) {
  packages.add({ name: "org.example:parent", versions: { 1: { packaging: "pom", managed: ["org.example.deep:right:2.1"] } } });
  packages.add({
    name: LEFT,
    versions: {
      "1.0": {},
      "1.1": { parent: "org.example:parent:1", deps: ["org.example.deep:right:2.0"], classifiers: ["sources"], module: true, signed: true },
    },
  });
  packages.add({ name: "org.example.deep:right", versions: { "2.0": {}, "2.1": {} } });
  packages.add({ name: "org.example:slow", versions: { "1.0": { building: 2 } } });
  packages.add({ name: "org.example.tools:hello-maven-plugin", prefix: "hello", versions: { "1.0": {} } });
}

const get = (path, headers = {}) => fetch(new URL(path, upstream.url), { headers });
const text = async (path) => (await get(path)).text();
const digest = (algorithm, bytes) => createHash(algorithm).update(bytes).digest("hex");

test("mvn resolves from it: parents, managed versions, ranges, classifiers; checksums are looked at", { skip: missing() }, async () => {
  const app = await MavenWorkspace.create({ url: upstream.url });
  try {
    await app.resolve([`${LEFT}:[1.0,2.0)`, { id: `${LEFT}:1.1`, classifier: "sources" }]);
    assert.deepEqual(app.libraries(), ["left-1.1-sources.jar", "left-1.1.jar", "right-2.0.jar"]);
    assert.ok(upstream.count(`${artifactPath(LEFT, "1.1")}.sha1`) > 0);
    await app.resolve([`${LEFT}:1.0`]);
    assert.deepEqual(app.libraries(), ["left-1.0.jar"]);
  } finally {
    await app.dispose();
  }
});

test("metadata of artifacts and of plugins, an archetype catalog", async () => {
  const metadata = await text(metadataPath(LEFT));
  assert.match(metadata, /<latest>1\.1<\/latest>\s*<release>1\.1<\/release>/);
  assert.match(metadata, /<lastUpdated>20240102000000</);
  assert.match(await text("org/example/tools/maven-metadata.xml"), /<prefix>hello<\/prefix><artifactId>hello-maven-plugin</);
  assert.equal((await get("org/example/maven-metadata.xml")).status, 404);
  assert.match(await text("archetype-catalog.xml"), /<archetype-catalog>/);
  upstream.packages.publish(LEFT, "1.2-SNAPSHOT");
  assert.match(await text(metadataPath(LEFT)), /<latest>1\.2-SNAPSHOT<\/latest>\s*<release>1\.1</);
});

test("files with checksums in headers and beside them, validators, ranges; signatures and module metadata", async () => {
  const path = artifactPath(LEFT, "1.1");
  const first = await get(path);
  const bytes = Buffer.from(await first.arrayBuffer());
  assert.deepEqual(bytes, upstream.packages.archive(LEFT, "1.1"));
  assert.equal(first.headers.get("x-checksum-sha1"), digest("sha1", bytes));
  assert.equal(await text(`${path}.sha1`), digest("sha1", bytes));
  assert.equal(await text(`${path}.md5`), digest("md5", bytes));
  assert.equal((await get(`${path}.sha512`)).status, 404);
  assert.equal((await get(path, { "if-none-match": first.headers.get("etag") })).status, 304);
  assert.equal((await get(path, { "if-modified-since": first.headers.get("last-modified") })).status, 304);
  const part = await get(path, { range: "bytes=-22" });
  assert.deepEqual([part.status, (await part.arrayBuffer()).byteLength], [206, 22]);
  assert.match(await text(`${path}.asc`), /BEGIN PGP SIGNATURE/);
  const { component, variants } = JSON.parse(await text(artifactPath(LEFT, "1.1", { extension: "module" })));
  assert.deepEqual([component.module, variants[0].files[0].sha256], ["left", digest("sha256", bytes)]);
});

test("a version that is being built is not found at first", async () => {
  const path = artifactPath("org.example:slow", "1.0", { extension: "pom" });
  const statuses = [];
  for (let tries = 0; tries < 3; tries += 1) statuses.push((await get(path)).status);
  assert.deepEqual(statuses, [404, 404, 200]);
});

describe("kinds of repositories", () => {
  for (const [what, options, file, header] of [
    ["checksums in headers only", { checksums: [] }, false, true],
    ["checksums in files only", { checksumHeaders: [] }, true, false],
    ["no checksums at all", { thin: true }, false, false],
  ]) {
    test(what, async () => {
      const other = await startMavenUpstream(options);
      try {
        other.packages.add({ name: LEFT, versions: { "1.0": {} } });
        const url = new URL(artifactPath(LEFT, "1.0"), other.url).href;
        assert.equal((await fetch(url)).headers.has("x-checksum-sha1"), header);
        assert.equal((await fetch(`${url}.sha1`)).ok, file);
      } finally {
        await other.stop();
      }
    });
  }
});

test("faults meet metadata and files", async () => {
  upstream.fault(metadataPath(LEFT), faults.tooManyRequests(3), { times: 1 });
  assert.equal((await get(metadataPath(LEFT))).headers.get("retry-after"), "3");
  upstream.fault(artifactPath(LEFT, "1.0"), faults.truncate(), { times: 1 });
  await assert.rejects((await get(artifactPath(LEFT, "1.0"))).arrayBuffer());
});
