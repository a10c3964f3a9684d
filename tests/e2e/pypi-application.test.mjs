// A real application of more than two hundred distributions, native wheels and source archives among them: installed with
// digests from an empty feed, again with the upstream cut off, again as a reader, and again with pip.
//
// The upstream is the index this machine uses, behind a server on loopback that can be cut off.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { root } from "../../tools/toolchain.mjs";
import { startPypiCutOff } from "../upstream/cut-off-pypi.mjs";
import { normalized } from "../upstream/pypi-packages.mjs";
import { startEdgefeed } from "./support/edgefeed.mjs";
import { missing, pip26, PythonWorkspace, uv } from "./support/python.mjs";

const fixture = join(root, "tests/fixtures/pypi/app");
const requirements = readFileSync(join(fixture, "requirements.txt"), "utf8");
const UV = ["pip", "sync", "--require-hashes", "requirements.txt"];
// The local runtime closes connections that were idle for five seconds; a client that is about to use one asks again.
const RETRIES = { UV_HTTP_RETRIES: "3" };
const PIP = ["install", "--require-hashes", "--no-deps", "--no-compile", "-r", "requirements.txt"];

let edgefeed;
let upstream;

before(async () => {
  upstream = await startPypiCutOff();
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

/** The locked versions of what is needed everywhere; a line with a marker may be for another platform. */
const locked = new Map([...requirements.matchAll(/^([\w.-]+)==([^ ]+) \\$/gm)].map(([, name, version]) => [normalized(name), version]));

async function assertComplete(app) {
  const installed = await app.allInstalled();
  assert.ok(Object.keys(installed).length >= 150, `${Object.keys(installed).length} distributions`);
  for (const [name, version] of locked) assert.equal(installed[name], version, name);
}

describe("a locked application", { skip: missing() }, () => {
  let feed;
  let app;

  before(async () => {
    const source = { name: "registry", protocol: "pypi", location: upstream.url, upstreamSourceType: "public" };
    feed = await edgefeed.feed({ protocol: "pypi", sources: [source] });
    app = await feed.python(uv, "collaborator");
    await app.write("requirements.txt", requirements);
  });

  after(() => feed?.dispose());

  test("uv, from an empty feed", async (t) => {
    await timed(t, "cold", () => app.must(UV, { env: RETRIES }));
    await assertComplete(app);
    const files = upstream.requests((request) => request.path.startsWith("/files/") && request.method === "GET");
    const distinct = new Set(files.map(({ path }) => path)).size;
    t.diagnostic(`${files.length} files fetched, ${distinct} of them distinct, ${upstream.count(/^\/simple\//)} pages`);
    assert.ok(files.length <= distinct * 1.02, `${files.length} fetches of ${distinct} files`);
    assert.ok(upstream.count(/\.tar\.gz$/) > 0, "a source archive was among them");
  });

  test("uv again, with an empty client cache and the upstream cut off", async (t) => {
    await upstream.down();
    await app.clear();
    await timed(t, "warm", () => app.must(UV, { env: RETRIES }));
    await assertComplete(app);
  });

  test("uv again, as a reader", async (t) => {
    await app.clear();
    app.configure({ token: await feed.token("reader") });
    await timed(t, "reader", () => app.must(UV, { env: RETRIES }));
    await assertComplete(app);
  });

  test("pip, as a reader: from the same files", async (t) => {
    const other = await feed.python(pip26, "reader");
    await other.write("requirements.txt", requirements);
    await timed(t, "pip", () => other.must(PIP));
    await assertComplete(other);
    await other.dispose();
  });
});

describe("resolving", { skip: missing() }, () => {
  test("uv pip compile and uv lock come to the same through a feed as without one", async (t) => {
    await upstream.up();
    const source = { name: "registry", protocol: "pypi", location: upstream.url, upstreamSourceType: "public" };
    const feed = await edgefeed.feed({ protocol: "pypi", sources: [source] });
    const through = await feed.python(uv, "collaborator");
    const direct = await PythonWorkspace.create(uv, { index: upstream.index });
    const wanted = readFileSync(join(fixture, "requirements.in"), "utf8");
    const compile = ["pip", "compile", "--universal", "--python-version", "3.11", "--generate-hashes", "requirements.in"];
    const list = wanted.trim().split("\n").map((name) => JSON.stringify(name)).join(", ");
    const project = `[project]\nname = "app"\nversion = "1.0"\nrequires-python = ">=3.11"\ndependencies = [${list}]\n`;
    try {
      const compiled = [];
      const locks = [];
      for (const app of [direct, through]) {
        await app.write("requirements.in", wanted);
        await app.write("pyproject.toml", project);
        await timed(t, app === direct ? "without a feed" : "through the feed", async () => {
          compiled.push((await app.must(compile, { env: RETRIES })).stdout);
        });
        await app.must(["lock"], { env: RETRIES });
        locks.push((await app.read("uv.lock")).replace(/"http[^"]*\/([^"/]*)"/g, '"$1"').replace(/registry = "[^"]*"/g, ""));
      }
      assert.equal(compiled[1], compiled[0]);
      assert.equal(locks[1], locks[0]);
    } finally {
      await direct.dispose();
      await feed.dispose();
    }
  });
});
