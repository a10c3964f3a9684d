// Packages by REST on the real runtime: pages, versions, files with ranges, and downloads that are counted while nobody waits.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";

import { tarball } from "../upstream/archive.mjs";
import { cost, until } from "./support/edgefeed.mjs";
import { feedMaker } from "./support/feeds.mjs";

describe("packages by REST", () => {
  const makeFeed = feedMaker();

  test("pages follow one another, whichever key they stop at", async () => {
    const feed = await makeFeed();
    const names = ["@scope/a", "a", "a-b", "b"];
    for (const name of names) await publish(feed, name, "1.0.0");
    const seen = [];
    let token = "";
    do {
      const page = await feed.rest("GET", `/packages?$top=1&continuationToken=${token}`);
      seen.push(...page.value.map(({ name }) => name));
      token = page.continuationToken ?? "";
    } while (token);
    assert.deepEqual(seen, names);
    const [{ id }] = (await feed.rest("GET", "/packages?normalizedPackageName=a-b")).value;
    assert.equal((await feed.rest("GET", `/packages/${id}`)).name, "a-b");
  });

  test("a file is streamed, or a part of it", async () => {
    const feed = await makeFeed();
    const bytes = await publish(feed, "big", "1.0.0", { "package/data.bin": Buffer.alloc(3_000_000, "x").map((_, at) => (at * 7919) % 251) });
    const path = `${feed.edgefeed.url}/local/_apis/packaging/feeds/${feed.name}/npm/packages/big/versions/1.0.0`;
    const ask = async (below, headers = {}, method = "GET") => fetch(path + below, { method, headers: { ...headers, authorization: `Bearer ${await feed.token("reader")}` } });
    assert.deepEqual(Buffer.from(await (await ask("/content")).arrayBuffer()), bytes);
    const part = await ask("/content", { range: "bytes=10-19" });
    assert.equal(part.status, 206);
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), bytes.subarray(10, 20));
    const head = await ask("/content", {}, "HEAD");
    assert.equal(head.headers.get("content-length"), String(bytes.length));
    assert.equal(await (await ask("/readme")).text(), "# big\n");
  });

  test("downloads are counted in the background, at no storage operation of theirs", async () => {
    const feed = await makeFeed();
    await publish(feed, "counted", "1.0.0");
    const download = () => feed.fetch("counted/-/counted-1.0.0.tgz");
    await (await download()).arrayBuffer();
    for (let again = 0; again < 4; again += 1) {
      const answer = await download();
      await answer.arrayBuffer();
      assert.equal(cost(answer).r2w ?? 0, 0);
    }
    const metrics = async () => (await feed.rest("POST", "/packagemetricsbatch", { body: { packageIds: ["npm:counted"] } })).value[0];
    assert.equal((await metrics()).downloadCount, 0);
    const bucket = await feed.edgefeed.server.r2();
    const isWritten = async () => (await bucket.list({ prefix: "v1/usage/" })).objects.length > 0;
    await until(isWritten, { timeout: 25_000, what: "the batch of counted downloads" });
    await feed.edgefeed.server.scheduled();
    const { downloadCount, downloadUniqueUsers, lastDownloaded } = await metrics();
    assert.deepEqual([downloadCount, downloadUniqueUsers], [5, 1]);
    assert.ok(Date.now() - Date.parse(lastDownloaded) < 60_000);
    assert.equal(await isWritten(), false);
  });
});

/** Publishes as npm does; answers the archive. */
async function publish(feed, name, version, files = {}) {
  const manifest = { name, version, description: `what ${name} is` };
  const bytes = tarball({ "package/package.json": JSON.stringify(manifest), "package/README.md": `# ${name}\n`, ...files });
  const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  const shasum = createHash("sha1").update(bytes).digest("hex");
  const file = `${name}-${version}.tgz`;
  const document = {
    _id: name,
    name,
    "dist-tags": { latest: version },
    versions: { [version]: { ...manifest, _id: `${name}@${version}`, dist: { integrity, shasum, tarball: `${feed.registry()}${name}/-/${file}` } } },
    _attachments: { [file]: { content_type: "application/octet-stream", data: bytes.toString("base64"), length: bytes.length } },
  };
  const headers = { "content-type": "application/json" };
  const answer = await feed.fetch(name.replace("/", "%2f"), { role: "contributor", method: "PUT", headers, body: JSON.stringify(document) });
  assert.ok([200, 201].includes(answer.status), `${answer.status}: ${await answer.text()}`);
  return bytes;
}
