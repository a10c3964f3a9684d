// Memory of the runtime's process while a large archive is published and downloaded.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream, readFileSync, statSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip, gunzipSync } from "node:zlib";
import { startEdgefeed } from "../tests/e2e/support/edgefeed.mjs";
import { noise, tarball } from "../tests/upstream/archive.mjs";
import { archivePath } from "./packages.mjs";
import { number } from "./report.mjs";

const MEGABYTE = 1_000_000;
const END = Buffer.alloc(1024); // what an archive ends with
const PIECE = 786_432; // a multiple of three bytes, so that pieces of Base64 can be strung together

export async function memory({ scale, scope, report, build, folder }) {
  const archive = join(folder, "heavy.tgz");
  await pack(archive, scale.megabytes);
  const digest = await sha512(createReadStream(archive));
  const others = runtimes();
  const edgefeed = scope.keep(await startEdgefeed({ build }));
  const pid = runtimes().find((candidate) => !others.includes(candidate));
  const feed = await edgefeed.feed();
  const authorization = `Bearer ${await feed.token("contributor")}`;

  const watch = new Watch(pid);
  const published = await watch.during(() => publish(feed.registry(), "heavy", { archive, digest }, authorization));
  published.wasm = await wasmMemory(edgefeed.url);
  const received = await watch.during(() => download(feed.registry() + archivePath("heavy"), authorization));
  received.wasm = await wasmMemory(edgefeed.url);
  if (received.result !== digest) throw new Error("the archive came back as other bytes");

  const what = `memory of the runtime, ${number(statSync(archive).size / MEGABYTE)} MB archive`;
  for (const [verb, { before, peak, after, seconds, wasm }] of Object.entries({ published, downloaded: received })) {
    const shown = `${mb(before.resident)} before, ${mb(peak.resident)} peak, ${mb(after.resident)} after`;
    report.figure(`${what} ${verb} (${number(seconds)} s), resident MB`, shown);
    report.figure(`${what} ${verb}, wasm memory MB`, mb(wasm), { budget: "< 64", passed: wasm < 64 * MEGABYTE });
  }
}

/** An archive of about that size, of files that do not compress. */
async function pack(path, megabytes) {
  const ballast = noise(PIECE);
  const entry = (name, content) => gunzipSync(tarball({ [`package/${name}`]: content }, { level: 0 })).subarray(0, -END.length);
  function* entries() {
    yield entry("package.json", JSON.stringify({ name: "heavy", version: "1.0.0" }));
    const count = Math.ceil((megabytes * MEGABYTE) / PIECE) - 1;
    for (let index = 0; index < count; index += 1) yield entry(`ballast-${index}.bin`, ballast);
    yield END;
  }
  await pipeline(Readable.from(entries()), createGzip({ level: 0 }), createWriteStream(path));
}

async function sha512(stream) {
  const hash = createHash("sha512");
  for await (const piece of stream) hash.update(piece);
  return hash.digest("base64");
}

const mb = (bytes) => number(bytes / MEGABYTE);

/** The processes of the local runtime below this one. */
function runtimes() {
  const children = execFileSync("ps", ["-o", "pid=,comm=", "--ppid", String(process.pid)], { encoding: "utf8" });
  return children.split("\n").filter((line) => line.includes("workerd")).map((line) => Number(line.trim().split(/\s+/)[0]));
}

/** Samples a process. */
class Watch {
  constructor(pid) {
    this.pid = pid;
  }

  async during(work) {
    const before = sample(this.pid);
    const peak = { ...before };
    const timer = setInterval(() => {
      const now = sample(this.pid);
      for (const key of Object.keys(peak)) peak[key] = Math.max(peak[key], now[key]);
    }, 100);
    try {
      const began = performance.now();
      const result = await work();
      return { result, before, peak, after: sample(this.pid), seconds: (performance.now() - began) / 1000 };
    } finally {
      clearInterval(timer);
    }
  }
}

/** Resident bytes. */
function sample(pid) {
  try {
    const [, resident] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return { resident: Number(resident) * 1024 };
  } catch {
    const [kilobytes] = execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" }).trim().split(/\s+/);
    return { resident: Number(kilobytes) * 1024 };
  }
}

/** Bytes of wasm memory, as the isolate says: it never shrinks, so that this is the peak. */
async function wasmMemory(url) {
  const { memory } = await (await fetch(`${url}/_edgefeed/health`)).json();
  return memory;
}

/** Publishes as the npm client does, but without holding the body. */
async function publish(registry, name, { archive, digest }, authorization) {
  const size = statSync(archive).size;
  const dist = { integrity: `sha512-${digest}`, tarball: registry + archivePath(name) };
  const manifest = { name, version: "1.0.0", description: "an archive as large as they may be", dist };
  const document = { _id: name, name, "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": manifest } };
  const attachment = { content_type: "application/octet-stream", length: size, data: "" };
  const text = JSON.stringify({ ...document, _attachments: { [`${name}-1.0.0.tgz`]: attachment } });
  const head = text.slice(0, text.lastIndexOf('""') + 1);
  const tail = text.slice(head.length);
  async function* sent() {
    yield head;
    for await (const piece of pieces(archive)) yield piece.toString("base64");
    yield tail;
  }
  const length = head.length + Math.ceil(size / 3) * 4 + tail.length;
  const headers = { authorization, "content-type": "application/json", "content-length": length };
  const request = http.request(registry + name, { method: "PUT", headers, agent: false });
  const answered = once(request, "response");
  const [[response]] = await Promise.all([answered, pipeline(Readable.from(sent()), request)]);
  const answer = await body(response);
  if (response.statusCode !== 201) throw new Error(`PUT ${name} -> ${response.statusCode}: ${answer}`);
}

/** A file in pieces of the same length, but for the last. */
async function* pieces(path) {
  let rest = Buffer.alloc(0);
  for await (const read of createReadStream(path, { highWaterMark: PIECE })) {
    rest = rest.length > 0 ? Buffer.concat([rest, read]) : read;
    while (rest.length >= PIECE) {
      yield rest.subarray(0, PIECE);
      rest = rest.subarray(PIECE);
    }
  }
  yield rest;
}

/** The digest of what came. */
async function download(url, authorization) {
  const [response] = await once(http.get(url, { headers: { authorization }, agent: false }), "response");
  if (response.statusCode !== 200) throw new Error(`GET ${url} -> ${response.statusCode}: ${await body(response)}`);
  return sha512(response);
}

async function body(response) {
  let received = "";
  for await (const piece of response.setEncoding("utf8")) received += piece;
  return received;
}
