// A real application of some hundreds of artifacts, plugins among them: built, tested and packaged from an empty feed, again
// with the upstream cut off, again as a reader; every file as the registry has it.
//
// The upstream is the repository this machine uses, behind a server on loopback that can be cut off.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { root } from "../../tools/toolchain.mjs";
import { startMavenCutOff } from "../upstream/cut-off-maven.mjs";
import { startEdgefeed } from "./support/edgefeed.mjs";
import { missingCompiler } from "./support/maven.mjs";

const fixture = join(root, "tests/fixtures/maven/app");
// With checksums that do not match a build fails, and does not only warn.
const BUILD = ["-C", "clean", "package"];

let edgefeed;
let upstream;

before(async () => {
  upstream = await startMavenCutOff();
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

/** `{ path: sha1 }` of the artifacts in a local repository. */
function artifacts(repository) {
  const files = readdirSync(repository, { recursive: true }).filter((path) => /\.(jar|pom)$/.test(path));
  return Object.fromEntries(files.map((path) => [path, createHash("sha1").update(readFileSync(join(repository, path))).digest("hex")]));
}

describe("a web application with its plugins", { skip: missingCompiler() }, () => {
  let feed;
  let app;
  let first;

  before(async () => {
    const source = { name: "registry", protocol: "maven", location: upstream.url, upstreamSourceType: "public" };
    feed = await edgefeed.feed({ protocol: "maven", sources: [source] });
    app = await feed.maven("collaborator", { seeded: false });
    await cp(fixture, app.project, { recursive: true });
  });

  after(() => feed?.dispose());

  test("from an empty feed", async (t) => {
    await timed(t, "cold", () => app.must(BUILD));
    first = artifacts(app.repository);
    const paths = Object.keys(first);
    const jars = paths.filter((path) => path.endsWith(".jar")).length;
    t.diagnostic(`${jars} jars and ${paths.length - jars} POMs; ${upstream.count()} requests to the upstream`);
    assert.ok(jars >= 150, `${jars} jars`);
    assert.ok(paths.some((path) => path.includes("maven-compiler-plugin")));
    const fetched = upstream.requests(/\.(jar|pom)$/).filter(({ method, status }) => method === "GET" && status === 200);
    assert.ok(fetched.length <= paths.length * 1.02, `${fetched.length} fetches of ${paths.length} files`);
    assert.ok(app.exists("target/app-1.0.jar"));
  });

  test("again, with an empty local repository and the upstream cut off", async (t) => {
    await upstream.down();
    await app.clear("target");
    await timed(t, "warm", () => app.must(BUILD));
    assert.deepEqual(artifacts(app.repository), first);
  });

  test("again, as a reader", async (t) => {
    await app.clear("target");
    await app.configure({ token: await feed.token("reader") });
    await timed(t, "reader", () => app.must(BUILD));
    assert.deepEqual(artifacts(app.repository), first);
  });

  test("what arrived is what the registry has", async () => {
    await upstream.up();
    const paths = Object.keys(first).filter((_, index) => index % 25 === 0);
    for (const path of paths) {
      const answer = await fetch(upstream.url + path);
      const bytes = Buffer.from(await answer.arrayBuffer());
      assert.equal(createHash("sha1").update(bytes).digest("hex"), first[path], path);
    }
  });
});
