// Universal packages by plain HTTP, against the local runtime: a tree of 10,000 files, a file of 5 GB, and what `tar` makes of
// a version.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";

import { startEdgefeed } from "./support/edgefeed.mjs";
import { limitedBuild } from "./support/limited.mjs";

const MEGABYTE = 1 << 20;
const FILES = 10_000;
const AT_ONCE = 16;
const LARGE = 5_000_000_000;

let edgefeed;
let feed;

before(async () => {
  edgefeed = await startEdgefeed({ build: limitedBuild(), vars: { LOG: "failures" } });
  feed = await edgefeed.feed({ protocol: "upack" });
});

after(async () => {
  await feed?.dispose();
  await edgefeed?.stop();
});

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** A request that must be answered so; its JSON, if it has some. */
async function ask(method, path, { status = 200, role = "contributor", ...options } = {}) {
  const response = await feed.fetch(path, { method, role, ...options });
  const bytes = Buffer.from(await response.arrayBuffer());
  assert.equal(response.status, status, `${method} ${path}: ${bytes.subarray(0, 500)}`);
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  return isJson && bytes.length > 0 ? JSON.parse(bytes) : bytes;
}

/** Does something with everything, sixteen at once; answers for how many seconds. */
async function each(items, what) {
  const began = performance.now();
  const left = items.values();
  const worker = async () => {
    for (const item of left) await what(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return ((performance.now() - began) / 1_000).toFixed(1);
}

describe("a version of 10,000 small files", { timeout: 900_000 }, () => {
  const path = (number) => `folder-${number % 100}/file-${number}.txt`;
  const content = (number, edition) => Buffer.from(`content of file ${number}, ${number % 1_000 === 0 ? edition : "first"} edition\n`);
  const numbers = Array.from({ length: FILES }, (_, number) => number);

  test("is published and restored", async (t) => {
    const sending = await each(numbers, (number) => ask("PUT", `many/1.0.0/${path(number)}?executable=${number % 2 === 0}`, { body: content(number, "first"), status: 201 }));
    let began = performance.now();
    const made = await ask("POST", "many/1.0.0", { status: 201 });
    const committing = ((performance.now() - began) / 1_000).toFixed(1);
    assert.equal(made.files, FILES);
    const manifest = await ask("GET", "many/1.0.0", { role: "reader" });
    assert.equal(manifest.files.length, FILES);
    const restoring = await each(manifest.files, async (file) => {
      const bytes = await ask("GET", `many/1.0.0/${file.path}`, { role: "reader" });
      assert.equal(sha256(bytes), file.sha256, file.path);
      const number = Number(/(\d+)\.txt$/.exec(file.path)[1]);
      assert.deepEqual([bytes, file.executable ?? false], [content(number, "first"), number % 2 === 0]);
    });
    t.diagnostic(`sent in ${sending} s, committed in ${committing} s, restored file by file in ${restoring} s, ${AT_ONCE} at once`);
    began = performance.now();
    const archive = await ask("GET", "many/1.0.0?format=tar", { role: "reader" });
    t.diagnostic(`restored as an archive in ${((performance.now() - began) / 1_000).toFixed(1)} s`);
    const folder = mkdtempSync(join(tmpdir(), "edgefeed-universal-"));
    try {
      writeFileSync(join(folder, "all.tar"), archive);
      execFileSync("tar", ["-xf", "all.tar"], { cwd: folder });
      for (const number of [0, 1, 4_321, FILES - 1]) {
        assert.deepEqual(readFileSync(join(folder, path(number))), content(number, "first"));
        assert.equal((statSync(join(folder, path(number))).mode & 0o100) !== 0, number % 2 === 0);
      }
      const listed = execFileSync("tar", ["-tf", "all.tar"], { cwd: folder, encoding: "utf8" });
      assert.equal(listed.trim().split("\n").length, FILES);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("is published again by sending what changed", async (t) => {
    const files = numbers.map((number) => {
      const bytes = content(number, "second");
      return { path: path(number), size: bytes.length, sha256: sha256(bytes) };
    });
    const began = performance.now();
    const { missing } = await ask("POST", "many/missing", { body: JSON.stringify({ sha256: files.map((file) => file.sha256) }) });
    assert.equal(missing.length, FILES / 1_000);
    const changed = numbers.filter((number) => missing.includes(files[number].sha256));
    await each(changed, (number) => ask("PUT", `many/1.1.0/${path(number)}`, { body: content(number, "second"), status: 201 }));
    await ask("POST", "many/1.1.0", { body: JSON.stringify({ files }), status: 201 });
    t.diagnostic(`${missing.length} of ${FILES} sent, and committed, in ${((performance.now() - began) / 1_000).toFixed(1)} s`);
    assert.deepEqual(await ask("GET", `many/latest/${path(3_000)}`, { role: "reader" }), content(3_000, "second"));
    const { versions } = await ask("GET", "many", { role: "reader" });
    assert.deepEqual(versions.map(({ version, files: count }) => [version, count]), [["1.0.0", FILES], ["1.1.0", FILES]]);
  });
});

describe("a version of one file of 5 GB", { timeout: 900_000 }, () => {
  const block = Buffer.alloc(64 * MEGABYTE);
  for (let at = 0; at < block.length; at += 4) block.writeUInt32LE((at * 2_654_435_761) >>> 0, at);

  /** The bytes of a part, of which no two are alike. */
  function part(number, partSize) {
    const bytes = block.subarray(0, Math.min(partSize, LARGE - (number - 1) * partSize));
    bytes.writeUInt32LE(number, 0);
    return bytes;
  }

  test("is sent in parts, goes on where it was cut, and is restored in ranges", async (t) => {
    const hash = createHash("sha256");
    const parts = Math.ceil(LARGE / block.length);
    for (let number = 1; number <= parts; number += 1) {
      hash.update(part(number, block.length));
      await setImmediate(); // or connections that are closed meanwhile are taken for open ones
    }
    const digest = hash.digest("hex");
    const wish = { size: LARGE, sha256: digest, executable: false };
    let began = performance.now();
    const begun = await ask("POST", "large/1.0.0/disk.img?upload", { body: JSON.stringify(wish), status: 201 });
    assert.deepEqual([begun.partSize, begun.parts], [block.length, parts]);
    const address = `large/1.0.0/disk.img?upload=${begun.id}`;
    for (let number = 1; number <= parts; number += 1) {
      if (number === 30) {
        await cutOff(`${address}&part=${number}`, part(number, begun.partSize));
        assert.equal((await ask("GET", address)).received, number - 1);
      }
      const { received } = await sendPart(address, number, part(number, begun.partSize));
      assert.equal(received, number);
    }
    assert.equal((await ask("GET", address)).sha256, digest);
    await ask("POST", "large/1.0.0", { status: 201 });
    t.diagnostic(`sent and committed in ${((performance.now() - began) / 1_000).toFixed(1)} s`);

    began = performance.now();
    const restored = createHash("sha256");
    let at = 0;
    while (at < LARGE) {
      // The first one is cut off by the client after a while; the next goes on there.
      const response = await feed.fetch("large/latest/disk.img", { role: "reader", headers: { range: `bytes=${at}-`, "if-range": `"${digest}"` } });
      assert.equal(response.status, 206);
      assert.equal(response.headers.get("content-range"), `bytes ${at}-${LARGE - 1}/${LARGE}`);
      const stop = at === 0 ? LARGE / 2 : Infinity;
      for await (const piece of response.body) {
        restored.update(piece);
        at += piece.length;
        if (at >= stop) break;
      }
    }
    assert.equal(restored.digest("hex"), digest);
    t.diagnostic(`restored in ${((performance.now() - began) / 1_000).toFixed(1)} s`);
    const whole = await feed.fetch("large/1.0.0/disk.img", { method: "HEAD", role: "reader" });
    assert.deepEqual([whole.headers.get("content-length"), whole.headers.get("etag")], [String(LARGE), `"${digest}"`]);
    const { memory } = await (await fetch(`${edgefeed.url}/_edgefeed/health`)).json();
    t.diagnostic(`wasm memory: ${(memory / MEGABYTE).toFixed(1)} MB`);
    assert.ok(memory < 64 * MEGABYTE, `wasm memory: ${Math.round(memory / MEGABYTE)} MB`);
  });

  /** As clients do: a part whose connection broke is sent again. */
  async function sendPart(address, number, body, attempts = 3) {
    try {
      return await ask("PUT", `${address}&part=${number}`, { body });
    } catch (error) {
      if (!(error instanceof TypeError) || attempts === 1) throw error;
      return sendPart(address, number, body, attempts - 1);
    }
  }

  /** Sends a third of a body, and hangs up. */
  async function cutOff(path, body) {
    const headers = { authorization: `Bearer ${await feed.token("contributor")}`, "content-length": body.length };
    const sending = request(feed.registry() + path, { method: "PUT", headers });
    const gone = new Promise((resolve) => sending.on("close", resolve).on("error", resolve));
    sending.write(body.subarray(0, body.length / 3), () => sending.destroy());
    await gone;
  }
});
