// A scripted crate registry in the sparse protocol with everything the real one has and mirrors lack: validators, gzip,
// publish times, lines of version 2, yanks, a search. Faults, log and server are frame.mjs's, crates cargo-packages.mjs's.
// Its address is the root of the index; what is no index stands below `-/`, and downloads also where the API has them.
// Publishing is not taken here.
//
//     const upstream = await startCargoUpstream();
//     upstream.packages.add({ name: "left", versions: { "1.0.0": { deps: { right: "^2" } }, "1.1.0": { yanked: true } } });
//     ... [source.stub] registry = "sparse+${upstream.url}" ...

import { Crates } from "./cargo-packages.mjs";
import { etagOf, startUpstream } from "./frame.mjs";

/**
 * Options: `port`, `tls`; `thin: true` behaves like a poor mirror (no validators, no gzip, no publish times);
 * `authRequired` is the token without which index, downloads and search are 401; `dl` is a template for `config.json`,
 * with the registry's own markers; `downloadBase()` puts archives on another host.
 */
export async function startCargoUpstream({ thin = false, authRequired, dl, downloadBase, ...options } = {}) {
  const registry = new CargoRegistry({ thin, authRequired, dl });
  const upstream = await startUpstream((request) => registry.respond(request), options);
  registry.base = () => upstream.url;
  registry.downloadBase = downloadBase ?? registry.base;
  registry.packages = new Crates();
  upstream.protocol = "cargo";
  upstream.packages = registry.packages;
  return upstream;
}

/** Where an archive is: for faults and the request log. */
export function cratePath(name, version) {
  return `/-/crates/${name}/${version}/download`;
}

class CargoRegistry {
  constructor({ thin, authRequired, dl }) {
    Object.assign(this, { thin, authRequired, dl });
  }

  respond(request) {
    if (this.authRequired && request.headers.authorization !== this.authRequired) {
      const headers = { "www-authenticate": `Cargo login_url="${this.base()}-/me"` };
      return { status: 401, headers, body: errors("authorization required") };
    }
    if (request.method !== "GET" && request.method !== "HEAD") return { status: 405, body: errors("read only") };
    if (request.path === "/config.json") return this.#config();
    const [, name, version] = /^\/(?:-|api\/v1)\/crates\/([^/]+)\/([^/]+)\/download$/.exec(request.path) ?? [];
    if (name) return this.#download(name, version);
    if (request.path === "/-/api/v1/crates") return { body: search(this.packages, request.query) };
    return this.#lines(request.path.slice(1));
  }

  #config() {
    const config = {
      dl: this.dl ?? `${this.downloadBase()}-/crates`,
      api: `${this.base()}-`,
      ...(this.authRequired && { "auth-required": true }),
    };
    return this.#document(Buffer.from(JSON.stringify(config)), "application/json", new Date(0));
  }

  #lines(path) {
    const document = this.packages.document(path);
    if (!document) return { status: 404, headers: { "content-type": "text/plain" }, body: "not found" };
    const bytes = this.thin ? withoutTimes(document.bytes) : document.bytes;
    return this.#document(bytes, "text/plain", document.modified);
  }

  #document(body, type, lastModified) {
    const headers = { "content-type": type, "cache-control": "public,max-age=600" };
    if (this.thin) return { headers: { "content-type": type }, body };
    return { headers, body, etag: etagOf(body), lastModified, compress: true };
  }

  #download(name, version) {
    const archive = this.packages.archive(name, decodeURIComponent(version));
    if (!archive) return { status: 403, headers: { "content-type": "application/xml" }, body: "<Error/>" }; // as S3 says it
    const headers = { "content-type": "application/gzip" };
    return { headers, body: archive, ranges: true, ...(!this.thin && { etag: etagOf(archive) }) };
  }
}

function withoutTimes(bytes) {
  const lines = bytes.toString().split("\n").filter(Boolean).map((line) => JSON.parse(line));
  return Buffer.from(lines.map(({ pubtime, ...line }) => `${JSON.stringify(line)}\n`).join(""));
}

function search(packages, query) {
  const text = (query.get("q") ?? "").toLowerCase();
  const most = Math.min(Number(query.get("per_page") ?? 10), 100);
  const found = packages.names().filter((name) => name.toLowerCase().includes(text));
  const crates = found.slice(0, most).map((name) => ({
    name,
    max_version: [...packages.get(name).versions.keys()].at(-1),
    description: `scripted ${name}`,
  }));
  return { crates, meta: { total: found.length } };
}

function errors(detail) {
  return { errors: [{ detail }] };
}
