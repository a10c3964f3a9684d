// Stands on loopback before the Maven repository this machine is configured for, as cut-off.mjs does for npm. Paths are the
// same on both sides, so that nothing has to be turned.

import { configuredRepository } from "../../tools/maven.mjs";
import { startUpstream } from "./frame.mjs";

/** The upstream to name as a source. */
export async function startMavenCutOff(repository = configuredRepository()) {
  const upstream = await startUpstream((request) => pass(request, repository));
  upstream.protocol = "maven";
  return upstream;
}

async function pass(request, { url, authorization }) {
  if (request.method !== "GET" && request.method !== "HEAD") return { status: 405, body: "read only" };
  const answer = await fetch(new URL(request.rawPath.slice(1), url), { headers: authorization ? { authorization } : {} });
  const kept = ["content-type", "x-checksum-sha1", "x-checksum-md5", "x-checksum-sha256"];
  const headers = Object.fromEntries(kept.map((name) => [name, answer.headers.get(name)]).filter(([, value]) => value !== null));
  const validators = { etag: answer.headers.get("etag") ?? undefined, lastModified: answer.headers.get("last-modified") ?? undefined };
  return { status: answer.status, headers, body: Buffer.from(await answer.arrayBuffer()), ranges: answer.ok, ...validators };
}
