// What can go wrong between a feed and its upstream, one function per mishap; hand the result to `upstream.fault()`.
//
// A fault may take a request over before it is answered (`before` returning true), put another reply in the place of
// the right one (`replace`), alter it (`change`), or send it in its own way (`send`). For a server that is not there at
// all use `upstream.down()`.

import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { createGzip } from "node:zlib";

/** The connection breaks before anything was answered. */
export function reset() {
  return {
    before: ({ socket }) => {
      socket.resetAndDestroy();
      return true;
    },
  };
}

/** Nothing comes back, not even headers, for as long as the client waits. */
export function hang() {
  return { before: () => true };
}

/** The right answer, `milliseconds` late. */
export function delay(milliseconds) {
  return {
    before: async () => {
      await sleep(milliseconds, undefined, { ref: false });
      return false;
    },
  };
}

/** The right answer, but only once `release()` is called: concurrency without guessing at times. */
export function hold() {
  let release;
  const released = new Promise((resolve) => {
    release = resolve;
  });
  return { before: () => released.then(() => false), release };
}

/** Another status; the body is what registries say then. */
export function status(code, { headers = {}, body = { error: `scripted ${code}` } } = {}) {
  return { replace: () => ({ status: code, headers, body }) };
}

export function tooManyRequests(seconds = 7) {
  return status(429, { headers: { "retry-after": String(seconds) }, body: { error: "too many requests" } });
}

/** A cheerful page where JSON or an archive should be, as captive portals and broken proxies send. */
export function html() {
  const body = "<!doctype html><title>Welcome</title><p>Please sign in to this network.</p>";
  return { replace: () => ({ headers: { "content-type": "text/html; charset=utf-8" }, body }) };
}

/** Well-formed JSON that is not the document that was asked for. */
export function otherDocument(document) {
  return { replace: () => ({ body: document }) };
}

/** Any body under any content type. */
export function contentTypeOf(body, type) {
  return { replace: () => ({ headers: { "content-type": type }, body }) };
}

export function redirectToItself() {
  return { replace: (request) => ({ status: 302, headers: { location: request.rawPath } }) };
}

export function redirect(location, code = 302) {
  return { replace: () => ({ status: code, headers: { location } }) };
}

/** Announces the whole length, sends this share of it, and breaks the connection. */
export function truncate(share = 0.5) {
  return {
    send: async (reply, { response, socket }) => {
      response.writeHead(reply.status, { ...reply.headers, "content-length": reply.body.length });
      response.flushHeaders();
      const part = reply.body.subarray(0, Math.floor(reply.body.length * share));
      if (part.length > 0) await new Promise((resolve) => response.write(part, resolve));
      socket.destroy();
    },
  };
}

/** Ends early without having announced a length: only a digest can tell that something is missing. */
export function shorten(share = 0.5) {
  return {
    send: (reply, { response }) => {
      response.writeHead(reply.status, reply.headers);
      response.end(reply.body.subarray(0, Math.floor(reply.body.length * share)));
    },
  };
}

/** The right length and type, one bit different. */
export function wrongBytes() {
  return {
    change: (reply) => {
      const body = Buffer.from(reply.body);
      if (body.length > 0) body[Math.floor(body.length / 2)] ^= 1;
      return { ...reply, body };
    },
  };
}

export function contentType(type) {
  return { change: (reply) => ({ ...reply, headers: { ...reply.headers, "content-type": type } }) };
}

/** The right answer without `Content-Length`. */
export function chunked() {
  return {
    send: (reply, { response }) => {
      response.writeHead(reply.status, reply.headers);
      response.write(reply.body.subarray(0, 1));
      response.end(reply.body.subarray(1));
    },
  };
}

/** The right answer in `pieces`, one every `milliseconds`. */
export function drip({ pieces = 20, milliseconds = 50 } = {}) {
  return {
    send: async (reply, { response }) => {
      response.writeHead(reply.status, { ...reply.headers, "content-length": reply.body.length });
      const size = Math.max(1, Math.ceil(reply.body.length / pieces));
      for (let from = 0; from < reply.body.length && !response.destroyed; from += size) {
        response.write(reply.body.subarray(from, from + size));
        await sleep(milliseconds, undefined, { ref: false });
      }
      response.end();
    },
  };
}

/** A small gzip body that inflates to `megabytes` of well-formed JSON. */
export function gzipBomb(megabytes = 300) {
  return {
    send: async (reply, { response }) => {
      const body = await bomb(megabytes);
      response.writeHead(200, {
        "content-type": "application/json",
        "content-encoding": "gzip",
        "content-length": body.length,
      });
      response.end(body);
    },
  };
}

const bombs = new Map();

function bomb(megabytes) {
  if (!bombs.has(megabytes)) bombs.set(megabytes, inflate(megabytes));
  return bombs.get(megabytes);
}

async function inflate(megabytes) {
  const gzip = createGzip({ level: 9 });
  const pieces = [];
  gzip.on("data", (piece) => pieces.push(piece));
  const ended = once(gzip, "end");
  gzip.write('{"name":"bomb","versions":{},"readme":"');
  const megabyte = Buffer.alloc(1 << 20, "a");
  for (let written = 0; written < megabytes; written += 1) {
    if (!gzip.write(megabyte)) await once(gzip, "drain");
  }
  gzip.end('"}');
  await ended;
  return Buffer.concat(pieces);
}
