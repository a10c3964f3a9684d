// Stands on loopback before the registry this machine is configured for: passes requests on, records them, and can be
// cut off, so that a test on real packages can show what a feed serves from its own store.
//
// Only documents and archives pass (GET, HEAD), without the caller's credentials. Archive addresses inside documents are
// turned to this server, because a cut-off that archives could walk around would prove nothing. This is npm's;
// cut-off-pypi.mjs and cut-off-cargo.mjs are the others.

import { execFileSync } from "node:child_process";

import { startUpstream } from "./frame.mjs";

/** The registry that `npm` on this machine uses; it is read at run time and written nowhere. */
export function configuredRegistry() {
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^npm_/i.test(key)));
  const address = execFileSync("npm", ["config", "get", "registry"], { encoding: "utf8", env, stdio: ["ignore", "pipe", "ignore"] });
  return new URL(address.trim()).href;
}

/** The upstream to name as a source, with `down()`, `up()`, `requests()` and `fault()` of every scripted upstream. */
export async function startCutOff(registry = configuredRegistry()) {
  const upstream = await startUpstream((request) => pass(request, registry, upstream.url));
  return upstream;
}

async function pass(request, registry, self) {
  if (request.method !== "GET" && request.method !== "HEAD") return { status: 405, body: { error: "read only" } };
  const target = new URL(request.rawPath.slice(1), registry);
  target.search = request.query.toString();
  const headers = request.headers.accept ? { accept: request.headers.accept } : {};
  const answer = await fetch(target, { headers });
  const type = answer.headers.get("content-type") ?? "application/octet-stream";
  const body = Buffer.from(await answer.arrayBuffer());
  const document = answer.ok && type.includes("json");
  return {
    status: answer.status,
    headers: { "content-type": type },
    body: document ? Buffer.from(turnArchives(body.toString(), registry, self)) : body,
    compress: document,
    ranges: !document,
  };
}

/** Mirrors often name the public registry in `dist.tarball` and not themselves: whatever the host, it becomes `self`. */
function turnArchives(document, registry, self) {
  return document.replace(/("tarball"\s*:\s*")(https?:[^"]+)"/g, (_, key, address) => {
    const path = address.startsWith(registry) ? address.slice(registry.length) : new URL(address).pathname.slice(1);
    return `${key}${self}${path}"`;
  });
}
