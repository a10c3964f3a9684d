// A scripted Maven repository with what the real ones have: metadata of artifacts and of groups' plugins, POMs, jars,
// signatures, Gradle module metadata, checksums in headers and in files, validators, ranges, and versions that are not
// there until they are built. Faults, log and server are frame.mjs's, artifacts maven-packages.mjs's. Nothing is taken here.
//
//     const upstream = await startMavenUpstream();
//     upstream.packages.add({ name: "org.example:left", versions: { "1.0": { deps: ["org.example:right:2.0"] } } });
//     ... <mirror><mirrorOf>*</mirrorOf><url>${upstream.url}</url></mirror> ...

import { etagOf, startUpstream } from "./frame.mjs";
import { Artifacts, digest, fileName, folder } from "./maven-packages.mjs";

const TYPES = { jar: "application/java-archive", pom: "text/xml", xml: "text/xml", module: "application/json", asc: "text/plain" };

/**
 * Options: `port`, `tls`; `thin: true` behaves like a poor mirror (no validators, no checksums of any kind);
 * `checksums` are the kinds that have files beside them, `checksumHeaders` those told in headers; `authorization` is the
 * header without which everything is 401.
 */
export async function startMavenUpstream({ thin = false, authorization, checksums = ["sha1", "md5"], checksumHeaders = ["sha1", "md5"], ...options } = {}) {
  const told = thin ? { checksums: [], checksumHeaders: [] } : { checksums, checksumHeaders };
  const repository = new Repository({ thin, authorization, ...told });
  const upstream = await startUpstream((request) => repository.respond(request), options);
  repository.packages = new Artifacts();
  upstream.protocol = "maven";
  upstream.packages = repository.packages;
  return upstream;
}

/** Where a file of a version is, below the root: for faults and the request log. */
export function artifactPath(name, version, about) {
  return `/${folder(name, version)}/${fileName(name, version, about)}`;
}

/** Where the metadata of a package is. */
export function metadataPath(name) {
  return `/${folder(name)}/maven-metadata.xml`;
}

class Repository {
  constructor(about) {
    Object.assign(this, about);
  }

  respond(request) {
    if (this.authorization && request.headers.authorization !== this.authorization) {
      return { status: 401, headers: { "www-authenticate": 'Basic realm="scripted"' }, body: "authorization required" };
    }
    if (request.method !== "GET" && request.method !== "HEAD") return { status: 405, body: "read only" };
    const path = request.path.slice(1);
    const [, stem, algorithm] = /^(.+)\.(md5|sha1|sha256|sha512)$/.exec(path) ?? [];
    if (algorithm) return this.#checksum(stem, algorithm);
    const document = this.#document(path);
    return document ? this.#reply(path, document) : notFound();
  }

  /** `{ bytes, time }` of whatever is at a path. */
  #document(path) {
    if (path === "archetype-catalog.xml") return { bytes: Buffer.from(this.packages.archetypes()), time: new Date(0) };
    const [, parent] = /^(.+)\/maven-metadata\.xml$/.exec(path) ?? [];
    if (!parent) return this.packages.file(path);
    const found = this.packages.metadata(parent);
    return found && { bytes: Buffer.from(found.text), time: found.time };
  }

  #checksum(stem, algorithm) {
    const document = this.checksums.includes(algorithm) && this.#document(stem);
    return document ? { headers: { "content-type": "text/plain" }, body: digest(algorithm, document.bytes) } : notFound();
  }

  #reply(path, { bytes, time }) {
    const headers = { "content-type": TYPES[path.split(".").at(-1)] ?? "application/octet-stream" };
    for (const algorithm of this.checksumHeaders) headers[`x-checksum-${algorithm}`] = digest(algorithm, bytes);
    return { headers, body: bytes, ranges: true, ...(!this.thin && { etag: etagOf(bytes), lastModified: time }) };
  }
}

function notFound() {
  return { status: 404, headers: { "content-type": "text/html" }, body: "<html><h1>404 Not Found</h1></html>" };
}
