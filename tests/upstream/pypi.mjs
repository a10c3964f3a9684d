// A scripted Python package index with everything the real one has and mirrors lack: pages in JSON and HTML by Accept,
// validators, gzip, core metadata beside the files, yanks, provenance, project JSON, redirects of other spellings.
// Faults, log and server are frame.mjs's, projects pypi-packages.mjs's. Uploads are not taken here.
//
//     const upstream = await startPypiUpstream();
//     upstream.packages.add({ name: "left", versions: { "1.0": {}, "1.1": { requires: ["right>=2"], yanked: "broken" } } });
//     ... pip install --index-url ${upstream.index} left ...

import { createHash } from "node:crypto";

import { etagOf, startUpstream } from "./frame.mjs";
import { normalized, Projects } from "./pypi-packages.mjs";

const JSON_TYPE = "application/vnd.pypi.simple.v1+json";
const HTML_TYPE = "application/vnd.pypi.simple.v1+html";

/**
 * Options: `port`, `tls`; `thin: true` behaves like a poor mirror (no core metadata, no provenance, no validators, no
 * gzip); `htmlOnly` knows PEP 503 only; `authorization` is the header without which everything is 401; `filesBase()` puts
 * files on another host.
 */
export async function startPypiUpstream({ thin = false, htmlOnly = false, authorization, filesBase, ...options } = {}) {
  const index = new PypiIndex({ thin, htmlOnly, authorization });
  const upstream = await startUpstream((request) => index.respond(request), options);
  index.base = () => upstream.url;
  index.filesBase = filesBase ?? index.base;
  index.packages = new Projects();
  upstream.protocol = "pypi";
  upstream.packages = index.packages;
  Object.defineProperty(upstream, "index", { get: () => `${upstream.url}simple/` });
  return upstream;
}

class PypiIndex {
  constructor({ thin, htmlOnly, authorization }) {
    Object.assign(this, { thin, htmlOnly, authorization });
  }

  respond(request) {
    if (this.authorization && request.headers.authorization !== this.authorization) {
      return { status: 401, headers: { "www-authenticate": "Basic" }, body: "authorization required" };
    }
    if (request.method !== "GET" && request.method !== "HEAD") return { status: 405, body: "method not allowed" };
    const [, root, rest = ""] = /^\/([^/]+)(?:\/(.*))?$/.exec(request.path) ?? [];
    if (root === "simple") return rest === "" ? this.#list(request) : this.#project(rest, request);
    if (root === "packages") return this.#file(rest.split("/").at(-1));
    if (root === "integrity") return this.#provenance(rest);
    if (root === "pypi") return this.#json(rest);
    return notFound();
  }

  #list(request) {
    const names = this.packages.names().sort();
    const json = { meta: { "api-version": "1.4" }, projects: names.map((name) => ({ name: this.packages.get(name).name })) };
    const anchors = names.map((name) => `<a href="/simple/${name}/">${name}</a><br/>`);
    return this.#page(request, { json: () => json, html: () => htmlDocument("Simple index", anchors) });
  }

  #project(rest, request) {
    const name = rest.replace(/\/$/, "");
    const entry = this.packages.get(name);
    if (name.includes("/") || !entry) return notFound();
    if (rest !== `${normalized(name)}/`) return { status: 301, headers: { location: `/simple/${normalized(name)}/` } };
    const page = this.#page(request, {
      json: () => this.projectJson(entry),
      html: () => this.#projectHtml(entry),
      cache: entry.pages,
    });
    return this.thin ? page : { ...page, lastModified: this.packages.modified(entry) };
  }

  #page(request, { json, html, cache = {} }) {
    const type = this.htmlOnly ? "text/html" : negotiated(request.headers.accept);
    cache[type] ??= Buffer.from(type === JSON_TYPE ? JSON.stringify(json()) : html());
    const body = cache[type];
    const headers = { "content-type": type, vary: "Accept", "cache-control": "max-age=600, public" };
    return this.thin ? { headers, body } : { headers, body, etag: etagOf(body), compress: true };
  }

  /** The page of a project as PEP 691, 700, 714 and 740 describe it. */
  projectJson({ name, about, versions, files }) {
    return {
      meta: { "api-version": "1.4", "_last-serial": files.length, ...about.meta },
      name: normalized(name),
      versions: [...versions.keys()],
      files: files.map((file) => this.#fileJson(file)),
      ...(about.status && { "project-status": { status: about.status } }),
    };
  }

  #fileJson(file) {
    const described = this.#metadata(file);
    return {
      filename: file.filename,
      url: this.fileUrl(file),
      hashes: { sha256: file.sha256 },
      "requires-python": file.requiresPython ?? null,
      size: file.size,
      "upload-time": file.time,
      yanked: file.yanked,
      ...(!this.thin && { "core-metadata": described, "data-dist-info-metadata": described, provenance: this.#provenanceUrl(file) }),
    };
  }

  #metadata({ metadata }) {
    return metadata ? { sha256: createHash("sha256").update(metadata).digest("hex") } : false;
  }

  #projectHtml({ name, files }) {
    return htmlDocument(`Links for ${name}`, files.map((file) => this.#anchor(file)));
  }

  #anchor(file) {
    const described = !this.thin && this.#metadata(file);
    const digest = described ? `sha256=${described.sha256}` : undefined;
    const attributes = {
      href: `${this.fileUrl(file)}#sha256=${file.sha256}`,
      "data-requires-python": file.requiresPython,
      "data-yanked": file.yanked === true ? "" : file.yanked || undefined,
      "data-dist-info-metadata": digest,
      "data-core-metadata": digest,
      "data-provenance": this.thin ? undefined : (this.#provenanceUrl(file) ?? undefined),
    };
    const written = Object.entries(attributes).filter(([, value]) => value !== undefined);
    return `<a ${written.map(([key, value]) => `${key}="${escapeHtml(value)}"`).join(" ")}>${file.filename}</a><br />`;
  }

  fileUrl({ sha256, filename }) {
    return `${this.filesBase()}${filePath({ sha256, filename }).slice(1)}`;
  }

  #provenanceUrl(file) {
    return file.provenance ? `${this.base()}integrity/${file.project}/${file.version}/${file.filename}/provenance` : null;
  }

  #file(name) {
    const described = name.endsWith(".metadata");
    const file = this.packages.file(described ? name.slice(0, -".metadata".length) : name);
    if (!file || (described && (this.thin || !file.metadata))) return notFound();
    const headers = { "content-type": "application/octet-stream", "cache-control": "max-age=365000000, immutable, public" };
    const body = described ? file.metadata : file.bytes;
    return { headers, body, ranges: true, ...(!this.thin && { etag: etagOf(body), lastModified: file.time }) };
  }

  #provenance(rest) {
    const filename = rest.split("/").at(-2);
    const file = this.packages.file(filename);
    if (!file?.provenance || this.thin) return notFound();
    const statement = {
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: filename, digest: { sha256: file.sha256 } }],
      predicateType: "https://attestations.example/publish/v1",
      predicate: null,
    };
    const envelope = { statement: Buffer.from(JSON.stringify(statement)).toString("base64"), signature: "c2NyaXB0ZWQ=" };
    const material = { certificate: "c2NyaXB0ZWQ=", transparency_entries: [] };
    const attestations = [{ version: 1, envelope, verification_material: material }];
    const publisher = { kind: "GitHub", repository: "scripted/example", workflow: "release.yml", environment: null, claims: null };
    const body = { version: 1, attestation_bundles: [{ publisher, attestations }] };
    return { headers: { "content-type": "application/vnd.pypi.integrity.v1+json" }, body };
  }

  /** `{name}/json` and `{name}/{version}/json`. */
  #json(rest) {
    const [, name, version] = /^([^/]+)(?:\/([^/]+))?\/json$/.exec(rest) ?? [];
    const entry = name && this.packages.get(name);
    const wanted = version ?? (entry && [...entry.versions.keys()].at(-1));
    if (!entry?.versions.has(wanted)) return notFound();
    const described = entry.versions.get(wanted);
    const info = { name: entry.name, version: wanted, summary: `scripted ${entry.name}`, requires_dist: described.requires ?? null };
    const of = (one) => entry.files.filter((file) => file.version === one).map((file) => this.#urlJson(file));
    const releases = Object.fromEntries([...entry.versions.keys()].map((one) => [one, of(one)]));
    const body = { info, last_serial: entry.revision, urls: of(wanted), vulnerabilities: [], ...(!version && { releases }) };
    return { body, compress: !this.thin };
  }

  #urlJson(file) {
    return {
      filename: file.filename,
      url: this.fileUrl(file),
      digests: { sha256: file.sha256 },
      packagetype: file.kind === "wheel" ? "bdist_wheel" : "sdist",
      size: file.size,
      upload_time_iso_8601: file.time,
      yanked: Boolean(file.yanked),
      yanked_reason: typeof file.yanked === "string" ? file.yanked : null,
    };
  }
}

/** Where a file is, below the root: for faults and the request log. */
export function filePath({ sha256, filename }) {
  return `/packages/${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256.slice(4)}/${filename}`;
}

/** The most wanted of the forms there are; HTML for those who ask for nothing. */
function negotiated(accept = "text/html") {
  const offers = accept.split(",").map((offer) => {
    const [type, ...parameters] = offer.split(";").map((part) => part.trim());
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    return { type, weight: weight ? Number(weight.slice(2)) : 1 };
  });
  offers.sort((one, other) => other.weight - one.weight);
  const known = { [JSON_TYPE]: JSON_TYPE, [HTML_TYPE]: HTML_TYPE };
  for (const { type } of offers) if (known[type]) return known[type];
  return "text/html";
}

function htmlDocument(title, anchors) {
  const head = `<head><meta name="pypi:repository-version" content="1.4"><title>${title}</title></head>`;
  return `<!DOCTYPE html>\n<html>${head}<body><h1>${title}</h1>\n${anchors.join("\n")}\n</body></html>\n`;
}

function escapeHtml(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

function notFound() {
  return { status: 404, headers: { "content-type": "text/plain" }, body: "404 Not Found" };
}
