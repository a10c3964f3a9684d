// The scripted Python index itself: its pages and files, and real pip and uv against it. Faults are the frame's, and are
// tried with npm's registry; one of each kind of request is tried here.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, afterEach, before, describe, test } from "node:test";

import { missing, pip23, pip26, PythonWorkspace, uv } from "../e2e/support/python.mjs";
import * as faults from "./faults.mjs";
import { filePath, startPypiUpstream } from "./pypi.mjs";

const JSON_TYPE = "application/vnd.pypi.simple.v1+json";
let upstream;

before(async () => {
  upstream = await startPypiUpstream();
  upstream.packages.add({
    name: "Left.Pad",
    versions: {
      "1.0": {},
      "1.1": { requires: ["right>=2"], extras: { more: ["extra-one"] }, requiresPython: ">=3.8", provenance: true },
      "1.2": { yanked: "broken <here>" },
    },
  });
  upstream.packages.add({ name: "right", versions: { "2.0": { kinds: ["sdist"] } } });
  upstream.packages.add({ name: "extra-one", versions: { "1.0": { metadata: false } } });
});

afterEach(() => upstream.heal());
after(() => upstream.stop());

const get = (path, headers = {}) => fetch(new URL(path, upstream.url), { headers, redirect: "manual" });
const page = async (name) => (await get(`simple/${name}/`, { accept: JSON_TYPE })).json();
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

describe("clients", () => {
  for (const client of [pip23, pip26, uv]) {
    test(`${client.name} installs a wheel, builds a source archive, and takes a yanked version only by its number`, { skip: missing(client) }, async () => {
      const app = await PythonWorkspace.create(client, { index: upstream.index });
      try {
        await app.install("left-pad[more]");
        assert.equal(await app.installed("left-pad"), "1.1");
        assert.equal(await app.installed("right"), "2.0");
        assert.equal(await app.python("import left_pad; print(left_pad.__version__)"), "1.1");
        await app.install("LEFT_pad==1.2");
        assert.equal(await app.installed("left-pad"), "1.2");
      } finally {
        await app.dispose();
      }
    });
  }
});

describe("pages", () => {
  test("JSON has what PEP 691, 700, 714 and 740 ask for", async () => {
    const { meta, name, versions, files } = await page("left-pad");
    assert.equal(meta["api-version"], "1.4");
    assert.equal(name, "left-pad");
    assert.deepEqual(versions, ["1.0", "1.1", "1.2"]);
    const [first, , third, , fifth] = files;
    assert.deepEqual([first.yanked, fifth.yanked], [false, "broken <here>"]);
    assert.equal(first["upload-time"], "2024-01-01T00:00:00.000Z");
    assert.equal(third["requires-python"], ">=3.8");
    const bytes = Buffer.from(await (await fetch(third.url)).arrayBuffer());
    assert.deepEqual([sha256(bytes), bytes.length], [third.hashes.sha256, third.size]);
    const metadata = Buffer.from(await (await fetch(`${third.url}.metadata`)).arrayBuffer());
    assert.equal(sha256(metadata), third["core-metadata"].sha256);
    assert.match(metadata.toString(), /^Requires-Dist: right>=2$/m);
    const provenance = await (await fetch(third.provenance)).json();
    assert.equal(provenance.attestation_bundles[0].attestations.length, 1);
  });

  test("the form follows Accept, other spellings are redirected, unknown projects are not there", async () => {
    const wanted = `${JSON_TYPE}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01`;
    assert.equal((await get("simple/left-pad/", { accept: wanted })).headers.get("content-type"), JSON_TYPE);
    const html = await get("simple/left-pad/", { accept: "text/html" });
    assert.match(await html.text(), /data-yanked="broken &lt;here&gt;"/);
    const moved = await get("simple/Left_Pad");
    assert.deepEqual([moved.status, moved.headers.get("location")], [301, "/simple/left-pad/"]);
    assert.equal((await get("simple/absent/")).status, 404);
    assert.equal((await (await get("simple/", { accept: JSON_TYPE })).json()).projects.length, 3);
    const info = await (await get("pypi/left-pad/1.1/json")).json();
    assert.equal(info.urls.length, 2);
  });

  test("validators answer 304 until something changes", async () => {
    const first = await get("simple/right/", { accept: JSON_TYPE });
    const known = { accept: JSON_TYPE, "if-none-match": first.headers.get("etag") };
    assert.equal((await get("simple/right/", known)).status, 304);
    upstream.packages.yank("right", "2.0", "for a moment");
    assert.equal((await get("simple/right/", known)).status, 200);
    upstream.packages.yank("right", "2.0", false);
    assert.equal((await page("right")).files[0].yanked, false);
  });

  test("a page of a megabyte, and a thin mirror's", async () => {
    upstream.packages.addHuge("numerous");
    const large = Buffer.from(await (await get("simple/numerous/", { accept: JSON_TYPE })).arrayBuffer());
    assert.ok(large.length > 1e6);
    const thin = await startPypiUpstream({ thin: true });
    thin.packages.add({ name: "plain", versions: { "1.0": {} } });
    const answer = await fetch(`${thin.index}plain/`, { headers: { accept: JSON_TYPE } });
    assert.equal(answer.headers.get("etag"), null);
    assert.equal((await answer.json()).files[0]["core-metadata"], undefined);
    await thin.stop();
  });
});

test("faults meet pages, metadata and files", async () => {
  const file = upstream.packages.archive("left-pad", "1.0");
  upstream.fault("/simple/left-pad/", faults.status(503), { times: 1 });
  assert.equal((await get("simple/left-pad/")).status, 503);
  upstream.fault(filePath(file), faults.wrongBytes(), { times: 1 });
  const wrong = Buffer.from(await (await get(filePath(file).slice(1))).arrayBuffer());
  assert.notEqual(sha256(wrong), file.sha256);
  upstream.fault(/\.metadata$/, faults.truncate(), { times: 1 });
  await assert.rejects((await get(`${filePath(file).slice(1)}.metadata`)).text());
});
