// Large artifacts: 500 MB up, in one request and in parts, and down, beside a bare Worker that streams to and from R2.
//
// In production a request has 100 MB at most; one request of 500 MB is what the local runtime takes, and shows the streaming.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { Log, LogLevel, Miniflare } from "miniflare";
import { root } from "../tools/toolchain.mjs";
import { startEdgefeed } from "../tests/e2e/support/edgefeed.mjs";
import { noise } from "../tests/upstream/archive.mjs";
import { interleave } from "./load.mjs";
import { number } from "./report.mjs";

const MEGABYTE = 1_000_000;
const PART = 64 << 20;
const LEAST = 0.8;

/**
 * What is measured, how, and how the other does the same. Where a client says what its bytes hash to, they go straight to their
 * place; a Maven client does not, so that they are hashed, kept apart, and copied.
 */
const WAYS = [
  ["up in one request (Universal)", "putDeclared", "put"],
  ["up in parts (Universal)", "partsInPlace", "parts"],
  ["up in one request (Maven)", "put"],
  ["up in parts (Maven)", "parts"],
  ["down (Maven)", "get"],
];

/** The least that streams into R2 and out of it. */
const BARE = `export default {
  async fetch(request, { R2 }) {
    const url = new URL(request.url), key = url.pathname, id = url.searchParams.get("id"), part = url.searchParams.get("part");
    if (request.method === "GET") {
      const object = await R2.get(key);
      return new Response(object.body, { headers: { "content-length": object.size, etag: object.httpEtag } });
    }
    if (request.method === "POST" && !id) return Response.json((await R2.createMultipartUpload(key)).uploadId);
    if (part) return Response.json(await R2.resumeMultipartUpload(key, id).uploadPart(Number(part), request.body));
    if (id) return Response.json(await R2.resumeMultipartUpload(key, id).complete(await request.json()));
    await R2.put(key, request.body);
    return new Response();
  },
};`;

export async function large({ scale, scope, report, build, folder }) {
  const size = scale.megabytes * MEGABYTE;
  const edgefeed = scope.keep(await startEdgefeed({ build, state: join(folder, "edgefeed") }));
  const bare = scope.keep(await startBare(join(folder, "bare")));
  const feed = await edgefeed.feed({ protocol: "maven" });
  const authorization = `Bearer ${await feed.token("contributor")}`;
  const ours = new Edgefeed({ feed, edgefeed, size, authorization });
  const theirs = new Bare(bare.url, size);

  const rounds = scale.quick ? 1 : 3;
  for (const [what, verb, bareVerb = verb] of WAYS) {
    const timed = (one, verb) => async () => {
      const began = performance.now();
      await one[verb]();
      return size / MEGABYTE / ((performance.now() - began) / 1000);
    };
    const { edgefeed: figures, bare: others } = await interleave(rounds, { edgefeed: timed(ours, verb), bare: timed(theirs, bareVerb) });
    report.compare(`${scale.megabytes} MB ${what}`, "MB/s", figures, { name: "bare Worker", figures: others }, { more: true, least: LEAST });
    const { r2 = 0, r2w = 0 } = ours.operations;
    report.figure(`${scale.megabytes} MB ${what}: R2 operations per GB`, `${number((r2 * 1000) / scale.megabytes)} reads, ${number((r2w * 1000) / scale.megabytes)} writes`);
  }
  const { memory } = await (await fetch(`${edgefeed.url}/_edgefeed/health`)).json();
  report.figure("wasm memory after all that, MB", number(memory / MEGABYTE), { budget: "< 64", passed: memory < 64 * MEGABYTE });
}

const NOISE = noise(1 << 20);

/** So many bytes, which are the same each time. */
function* bytes(length) {
  for (let rest = length; rest > 0; rest -= NOISE.length) yield rest < NOISE.length ? NOISE.subarray(0, rest) : NOISE;
}

class Edgefeed {
  #count = 0;

  constructor(about) {
    Object.assign(this, about);
    this.base = this.feed.registry().replace(/maven\/v1\/$/, "");
    this.operations = {};
    const hash = createHash("sha256");
    for (const piece of bytes(this.size)) hash.update(piece);
    this.sha256 = hash.digest("hex");
  }

  #path() {
    return `maven/v1/org/example/large/1.${this.#count}/large-1.${this.#count}.jar`;
  }

  async #send(method, path, headers, length) {
    const answer = await send(method, this.base + path, { authorization: this.authorization, ...headers }, length);
    for (const [, name, count] of (answer.headers["server-timing"] ?? "").matchAll(/(\w+);desc="(\d+)"/g)) {
      this.operations[name] = (this.operations[name] ?? 0) + Number(count);
    }
    return answer.body;
  }

  async put() {
    this.operations = {};
    this.#count += 1;
    await this.#send("PUT", this.#path(), {}, this.size);
  }

  async parts() {
    this.operations = {};
    this.#count += 1;
    const { id } = await this.#upload("uploads", (id) => `uploads/${id}?`);
    await this.#send("PUT", this.#path(), { "edgefeed-upload": id, "content-length": 0 });
  }

  async putDeclared() {
    await this.#version((place) => this.#send("PUT", place, { "x-checksum-sha256": this.sha256 }, this.size));
  }

  async partsInPlace() {
    await this.#version((place) => this.#upload(`${place}?upload`, (id) => `${place}?upload=${id}&`));
  }

  /** A version of one file, of a package of its own: nothing is here already. */
  async #version(sendFile) {
    this.operations = {};
    this.#count += 1;
    const version = `upack/large-${this.#count}/1.0.0`;
    await sendFile(`${version}/large.bin`);
    await this.#send("POST", version, {}, "");
  }

  async #upload(place, address) {
    const wish = { size: this.size, sha256: this.sha256 };
    const upload = JSON.parse(await this.#send("POST", place, { "content-type": "application/json" }, JSON.stringify(wish)));
    for (let part = 1; part <= upload.parts; part += 1) {
      const length = Math.min(upload.partSize, this.size - (part - 1) * upload.partSize);
      await this.#send("PUT", `${address(upload.id)}part=${part}`, {}, length);
    }
    return upload;
  }

  async get() {
    this.operations = {};
    const { received } = await send("GET", this.base + this.#path(), { authorization: this.authorization });
    if (received !== this.size) throw new Error(`${received} of ${this.size} bytes came`);
  }
}

class Bare {
  #count = 0;

  constructor(url, size) {
    Object.assign(this, { url, size });
  }

  #url() {
    return `${this.url}large-${this.#count}`;
  }

  async put() {
    this.#count += 1;
    await send("PUT", this.#url(), {}, this.size);
  }

  async parts() {
    this.#count += 1;
    const id = encodeURIComponent(JSON.parse((await send("POST", this.#url(), {}, "")).body));
    const parts = [];
    for (let sent = 0; sent < this.size; sent += PART) {
      const { body } = await send("PUT", `${this.#url()}?id=${id}&part=${parts.length + 1}`, {}, Math.min(PART, this.size - sent));
      parts.push(JSON.parse(body));
    }
    await send("POST", `${this.#url()}?id=${id}`, {}, JSON.stringify(parts));
  }

  async get() {
    const { received } = await send("GET", this.#url(), {});
    if (received !== this.size) throw new Error(`${received} of ${this.size} bytes came`);
  }
}

/** A request with a text, or with so many bytes, for a body. Of an answer that is not short only the length is kept. */
async function send(method, url, headers, body) {
  const length = typeof body === "string" ? Buffer.byteLength(body) : body;
  const request = http.request(url, { method, headers: { ...(length !== undefined && { "content-length": length }), ...headers }, agent: false });
  const answered = once(request, "response");
  if (typeof body === "number") {
    for (const piece of bytes(body)) if (!request.write(piece)) await once(request, "drain");
  } else if (body) request.write(body);
  request.end();
  const [response] = await answered;
  let [text, received] = ["", 0];
  for await (const piece of response) {
    received += piece.length;
    if (received < 100_000) text += piece;
  }
  if (response.statusCode >= 300) throw new Error(`${method} ${url} -> ${response.statusCode}: ${text.slice(0, 400)}`);
  return { headers: response.headers, body: text, received };
}

async function startBare(state) {
  const [, compatibilityDate] = /^compatibility_date = "(.+)"$/m.exec(readFileSync(join(root, "wrangler.toml"), "utf8"));
  const sockets = [{ host: "127.0.0.1", port: 0 }];
  const worker = { name: "bare", compatibilityDate, modules: true, script: BARE, r2Buckets: ["R2"], unsafeDirectSockets: sockets };
  const miniflare = new Miniflare({ host: "127.0.0.1", port: 0, log: new Log(LogLevel.ERROR), r2Persist: state, workers: [worker] });
  await miniflare.ready;
  return { url: (await miniflare.unsafeGetDirectURL("bare")).href, stop: () => miniflare.dispose() };
}
