// Requests no client sends by mistake: path tricks, malformed names, bodies that lie. The answer is a precise 4xx in
// npm's own shape, and nothing is stored.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import http from "node:http";
import { after, before, describe, test } from "node:test";

import { tarball } from "../upstream/archive.mjs";
import { startNpmUpstream } from "../upstream/npm.mjs";
import { refusal, startEdgefeed } from "./support/edgefeed.mjs";

const PATHS = [
  "../../../etc/passwd",
  "..%2f..%2f..%2fetc%2fpasswd",
  "%2e%2e/%2e%2e/left",
  "left/-/..%2f..%2fleft-1.0.0.tgz",
  "left/-/%2e%2e%2fleft-1.0.0.tgz",
  "left/-/other-1.0.0.tgz",
  "left/-/left-1.0.0.tgz/more",
  "left/-/left-not.a.version.tgz",
  "le%00ft",
  "left%0d%0aset-cookie:%20a=b",
  ".hidden",
  "_private",
  "@scope",
  "@scope%2f",
  "@/name",
  "%zz",
  "%ff%fe",
  "node_modules",
  "a".repeat(300),
  "-/v1/unknown",
];

let edgefeed;
let upstream;
let feed;

before(async () => {
  upstream = await startNpmUpstream();
  upstream.packages.add({ name: "left", versions: { "1.0.0": {} } });
  edgefeed = await startEdgefeed();
  feed = await edgefeed.feed({ sources: [upstream] });
});

after(async () => {
  await edgefeed?.stop();
  await upstream?.stop();
});

/** Sends a path as it is: `fetch` would tidy it. */
async function raw(path, { method = "GET", role = "collaborator" } = {}) {
  const registry = new URL(feed.registry());
  const headers = { authorization: `Bearer ${await feed.token(role)}` };
  const options = { host: "127.0.0.1", port: registry.port, method, headers, path: registry.pathname + path };
  return new Promise((resolve, reject) => {
    const request = http.request(options, async (response) => {
      const pieces = [];
      for await (const piece of response) pieces.push(piece);
      const status = response.statusCode;
      const body = [204, 304].includes(status) ? null : Buffer.concat(pieces);
      resolve(new Response(body, { status, headers: { "content-type": response.headers["content-type"] ?? "" } }));
    });
    request.on("error", reject);
    request.end();
  });
}

describe("paths", () => {
  for (const path of PATHS) {
    test(JSON.stringify(path.slice(0, 60)), async () => {
      upstream.forget();
      const answer = await raw(path);
      assert.ok([400, 404, 414].includes(answer.status), `${answer.status}`);
      await answer.text();
      const asked = upstream.requests().map((request) => request.rawPath);
      assert.deepEqual(asked.filter((wanted) => /\.\.|%2e|%00|etc/i.test(wanted)), []);
    });
  }

  test("wrong methods are 405 in npm's shape", async () => {
    await refusal(await raw("left", { method: "PATCH" }), 405);
    await refusal(await raw("left/-/left-1.0.0.tgz", { method: "POST" }), 405);
  });

  test("unknown feeds and organizations are 404 to those who are known, 401 to others", async () => {
    const headers = { authorization: `Bearer ${await feed.token("collaborator")}` };
    const path = "/local/_packaging/no-such-feed/npm/registry/left";
    assert.ok([403, 404].includes((await fetch(edgefeed.url + path, { headers })).status));
    assert.ok([401, 404].includes((await fetch(edgefeed.url + path)).status));
    assert.equal((await fetch(`${edgefeed.url}/${"x".repeat(500)}/_packaging/main/npm/registry/left`, { headers })).status, 404);
  });

  test("forged and broken tokens are 401", async () => {
    for (const authorization of ["Bearer nonsense", "Basic !!!", "Bearer", `Bearer ${"x".repeat(5_000)}`, "Digest a=b"]) {
      const answer = await fetch(`${feed.registry()}left`, { headers: { authorization } });
      assert.match(answer.headers.get("www-authenticate") ?? "", /^Basic/);
      await refusal(answer, 401);
    }
  });
});

describe("publishing", () => {
  const archive = tarball({ "package/package.json": '{"name":"made","version":"1.0.0"}' });
  const integrity = `sha512-${createHash("sha512").update(archive).digest("base64")}`;

  function document(change = {}) {
    const { name = "made", version = "1.0.0", data = archive.toString("base64"), length = archive.length, dist = {} } = change;
    const attached = { [`${name}-${version}.tgz`]: { content_type: "application/octet-stream", data, length } };
    return {
      _id: name,
      name,
      "dist-tags": { latest: version },
      versions: { [version]: { name, version, dist: { integrity, ...dist } } },
      _attachments: attached,
      ...change.document,
    };
  }

  function packed(manifest) {
    const bytes = tarball({ "package/package.json": JSON.stringify(manifest) });
    return { data: bytes.toString("base64"), length: bytes.length, dist: { integrity: undefined } };
  }

  const put = (body, name = "made") => {
    const raw = typeof body === "string" ? body : JSON.stringify(body);
    const headers = { "content-type": "application/json" };
    return feed.fetch(encodeURIComponent(name), { method: "PUT", role: "contributor", headers, body: raw });
  };

  const cases = {
    "no JSON": "this is no JSON",
    "an empty body": "",
    "JSON cut in the middle": JSON.stringify(document()).slice(0, 200),
    "an array": "[]",
    "nesting without end": `{"versions":${"[".repeat(100_000)}`,
    "no versions": document({ document: { versions: {} } }),
    "two versions": document({ document: { versions: { "1.0.0": {}, "1.0.1": {} } } }),
    "a version that is none": document({ version: "one.two" }),
    "a version with a path": document({ version: "1.0.0/../../x" }),
    "base64 that is none": document({ data: "@@@@" }),
    "a length that is wrong": document({ length: archive.length + 1 }),
    "an integrity that is wrong": document({ dist: { integrity: `sha512-${Buffer.alloc(64).toString("base64")}` } }),
    "a shasum that is wrong": document({ dist: { shasum: "0".repeat(40) } }),
    "a tag that is a range": document({ document: { "dist-tags": { "1.0": "1.0.0" } } }),
    "a tag for another version": document({ document: { "dist-tags": { latest: "7.7.7" } } }),
    "an archive that is none": document({ data: Buffer.from("no archive").toString("base64"), length: 10, dist: { integrity: undefined } }),
    "an archive of another package": document(packed({ name: "another", version: "1.0.0" })),
    "an archive of another version": document(packed({ name: "made", version: "9.9.9" })),
  };

  for (const [what, body] of Object.entries(cases)) {
    test(`${what} is 400, and nothing is stored`, async () => {
      await refusal(await put(body), 400);
      assert.equal((await feed.fetch("made")).status, 404);
    });
  }

  test("a name that differs from the path's is 400", async () => {
    await refusal(await put(document({ name: "other" })), 400);
    for (const name of ["UPPER CASE", "..", "a/b/c", "node_modules", "é"]) {
      const answer = await put(document({ name }), name);
      assert.ok([400, 404, 405].includes(answer.status), `${name}: ${answer.status}`);
      await answer.text();
    }
  });

  test("after all that, the right document is accepted once; the same bytes again do no harm", async () => {
    assert.ok([200, 201].includes((await put(document())).status));
    const again = await put(document());
    assert.ok([200, 201, 403, 409].includes(again.status));
    await again.text();
    const document_ = await feed.json("made");
    assert.equal(document_.versions["1.0.0"].dist.integrity, integrity);
  });

  test("twenty publishers of one number with different bytes: exactly one wins", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => {
        const bytes = tarball({ "package/package.json": '{"name":"raced","version":"1.0.0"}', "package/index.js": `${index}` });
        const digest = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
        const data = bytes.toString("base64");
        return put(document({ name: "raced", data, length: bytes.length, dist: { integrity: digest } }), "raced").then(
          async (answer) => ({ status: answer.status, text: await answer.text(), digest }),
        );
      }),
    );
    const won = answers.filter(({ status }) => status < 300);
    assert.equal(won.length, 1, JSON.stringify(answers.map(({ status }) => status)));
    for (const { status, text } of answers) if (status >= 300) assert.ok([403, 409].includes(status), text);
    assert.equal((await feed.json("raced")).versions["1.0.0"].dist.integrity, won[0].digest);
    const bytes = Buffer.from(await (await feed.fetch("raced/-/raced-1.0.0.tgz")).arrayBuffer());
    assert.equal(`sha512-${createHash("sha512").update(bytes).digest("base64")}`, won[0].digest);
  });
});
