// The frame of every scripted registry: an HTTP(S) server on loopback that logs what it is asked and misbehaves on
// demand. A protocol supplies one function from request to reply; validators, ranges, compression, HEAD, the log and
// the faults (faults.mjs) are done here, once for all protocols.
//
// A reply is { status = 200, headers = {}, body = Buffer | string | object, etag, lastModified, compress, ranges }.

import { createHash } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import { gzipSync } from "node:zlib";

/** Starts a scripted server; `respond(request)` makes the reply, `tls` is `{ key, cert }` for HTTPS. */
export async function startUpstream(respond, options = {}) {
  const upstream = new Upstream(respond, options);
  await upstream.up();
  return upstream;
}

class Upstream {
  #respond;
  #options;
  #server;
  #port = 0;
  #log = [];
  #faults = [];
  #watchers = new Set();

  constructor(respond, options) {
    this.#respond = respond;
    this.#options = { host: "127.0.0.1", ...options };
    this.#port = options.port ?? 0;
  }

  get port() {
    return this.#port;
  }

  /** The root of the registry, with a closing slash; `path` (an option) lets it live below a prefix. */
  get url() {
    const scheme = this.#options.tls ? "https" : "http";
    return `${scheme}://${this.#options.host}:${this.#port}/`;
  }

  /** Listens, after `down()` again on the port it had before, so that configured addresses stay right. */
  async up() {
    if (this.#server) return;
    const answer = (request, response) => this.#answer(request, response);
    const server = this.#options.tls ? https.createServer(this.#options.tls, answer) : http.createServer(answer);
    // Longer than a test is quiet: a connection closed for idleness while a request is on its way looks like a fault.
    server.keepAliveTimeout = 120_000;
    server.listen(this.#port, this.#options.host);
    await once(server, "listening");
    this.#server = server;
    this.#port = server.address().port;
  }

  /** Refuses connections, and cuts those that are open. */
  async down() {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }

  async stop() {
    this.heal();
    await this.down();
  }

  /**
   * Lets the matching requests meet a fault of faults.mjs; `times` bounds how many do. `match` is nothing (every
   * request), a decoded path, a regular expression on it, or a predicate. The latest fault that matches wins.
   * Returns a function that takes the fault away.
   */
  fault(match, fault, { times = Infinity } = {}) {
    const entry = { matches: matcher(match), fault, left: times };
    this.#faults.unshift(entry);
    return () => {
      this.#faults = this.#faults.filter((other) => other !== entry);
      fault.release?.();
    };
  }

  /** Takes every fault away; requests held by one go on. A server that is `down()` stays down. */
  heal() {
    const faults = this.#faults;
    this.#faults = [];
    for (const entry of faults) entry.fault.release?.();
  }

  /** What was asked so far, oldest first: `{ method, path, query, headers, status }`, `path` decoded. */
  requests(match) {
    return this.#log.filter(matcher(match));
  }

  count(match) {
    return this.requests(match).length;
  }

  forget() {
    this.#log = [];
  }

  /** Resolves when at least `count` matching requests have arrived. */
  async arrived(match, count = 1, { timeout = 30_000 } = {}) {
    if (this.count(match) >= count) return;
    await new Promise((resolve, reject) => {
      const watcher = () => {
        if (this.count(match) < count) return;
        clearTimeout(timer);
        this.#watchers.delete(watcher);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#watchers.delete(watcher);
        reject(new Error(`only ${this.count(match)} of ${count} expected upstream requests arrived`));
      }, timeout);
      this.#watchers.add(watcher);
    });
  }

  async #answer(incoming, response) {
    const request = readRequest(incoming);
    this.#log.push(request);
    for (const watcher of [...this.#watchers]) watcher();
    response.on("error", () => {});
    const exchange = { request, response, socket: incoming.socket, upstream: this };
    try {
      const fault = this.#takeFault(request);
      if (await fault?.before?.(exchange)) return;
      let reply = fault?.replace ? fault.replace(request) : await this.#respond(request);
      reply = encode(conditional(complete(reply), request), request);
      if (fault?.change) reply = fault.change(reply, request);
      request.status = reply.status;
      if (fault?.send) await fault.send(reply, exchange);
      else send(reply, request, response);
    } catch (error) {
      request.status = 500;
      request.error = error;
      if (!response.headersSent) response.writeHead(500, { "content-type": "text/plain" });
      response.end(`scripted upstream failed: ${error.stack}`);
    }
  }

  #takeFault(request) {
    const entry = this.#faults.find((candidate) => candidate.left > 0 && candidate.matches(request));
    if (!entry) return undefined;
    entry.left -= 1;
    return entry.fault;
  }
}

/** A request as handlers and the log see it; `body()` collects what the client sends. */
function readRequest(incoming) {
  const url = new URL(incoming.url, "http://upstream.invalid");
  return {
    method: incoming.method,
    path: decode(url.pathname),
    rawPath: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    status: undefined,
    body: () => collect(incoming),
  };
}

async function collect(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

function decode(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function matcher(match) {
  if (match === undefined || match === null) return () => true;
  if (typeof match === "function") return match;
  if (match instanceof RegExp) return (request) => match.test(request.path);
  return (request) => request.path === match;
}

/** Turns what a handler returned into a reply with a byte body and lower-case headers. */
function complete({ status = 200, headers = {}, body = "", ...rest }) {
  const json = typeof body === "object" && !Buffer.isBuffer(body);
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(json ? JSON.stringify(body) : body);
  const type = json ? { "content-type": "application/json" } : {};
  return { ...rest, status, headers: { ...type, ...headers }, body: bytes };
}

/** Adds the validators, and answers 304 where the client already has this very document. */
function conditional(reply, request) {
  if (reply.status !== 200) return reply;
  const validators = {};
  if (reply.etag) validators.etag = reply.etag;
  if (reply.lastModified) validators["last-modified"] = new Date(reply.lastModified).toUTCString();
  const fresh = { ...reply, headers: { ...reply.headers, ...validators } };
  if (!notModified(reply, request.headers)) return fresh;
  return { ...reply, status: 304, headers: validators, body: Buffer.alloc(0), compress: false, ranges: false };
}

function notModified(reply, headers) {
  const wanted = headers["if-none-match"];
  // RFC 9110, 13.1.3: If-Modified-Since counts only where there is no If-None-Match.
  if (wanted !== undefined) {
    if (!reply.etag) return false;
    const tags = wanted.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
    return tags.includes("*") || tags.includes(reply.etag.replace(/^W\//, ""));
  }
  const since = Date.parse(headers["if-modified-since"] ?? "");
  return Boolean(reply.lastModified) && since >= Math.floor(Date.parse(reply.lastModified) / 1000) * 1000;
}

/** Applies `Range` or gzip, whichever the reply allows; compressed documents are never cut into ranges. */
function encode(reply, request) {
  if (reply.ranges && reply.status === 200) return partial(reply, request.headers.range);
  if (!reply.compress || reply.status !== 200) return reply;
  const headers = { ...reply.headers, vary: "accept, accept-encoding" };
  if (!/\bgzip\b/.test(request.headers["accept-encoding"] ?? "")) return { ...reply, headers };
  return { ...reply, headers: { ...headers, "content-encoding": "gzip" }, body: gzipSync(reply.body, { level: 1 }) };
}

function partial(reply, range) {
  const size = reply.body.length;
  const headers = { ...reply.headers, "accept-ranges": "bytes" };
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(range ?? "") ?? [];
  if (!first && !last) return { ...reply, headers };
  const from = first ? Number(first) : Math.max(0, size - Number(last));
  const to = first && last ? Math.min(Number(last), size - 1) : size - 1;
  if (from > to) {
    return { ...reply, status: 416, headers: { "content-range": `bytes */${size}` }, body: Buffer.alloc(0) };
  }
  headers["content-range"] = `bytes ${from}-${to}/${size}`;
  return { ...reply, status: 206, headers, body: reply.body.subarray(from, to + 1) };
}

function send(reply, request, response) {
  const length = reply.status === 304 ? {} : { "content-length": reply.body.length };
  response.writeHead(reply.status, { ...reply.headers, ...length });
  response.end(request.method === "HEAD" ? undefined : reply.body);
}

/** A strong validator made of a document's own bytes. */
export function etagOf(bytes) {
  return `"${createHash("sha1").update(bytes).digest("hex").slice(0, 20)}"`;
}
