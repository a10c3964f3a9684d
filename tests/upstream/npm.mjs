// A scripted npm registry with everything the real one has and mirrors lack: abbreviated packuments, validators, gzip,
// signatures, keys, attestations, search, advisories. Faults, log and server are frame.mjs's, packages npm-packages.mjs's.
//
//     const upstream = await startNpmUpstream();
//     upstream.packages.add({ name: "left", versions: { "1.0.0": {}, "1.1.0": { dependencies: { right: "^2.0.0" } } } });
//     upstream.fault("/left", status(500), { times: 1 });
//     ... npm install --registry ${upstream.url} ...
//     upstream.requests("/left");  await upstream.stop();

import { gunzipSync } from "node:zlib";

import { etagOf, startUpstream } from "./frame.mjs";
import { Packages } from "./npm-packages.mjs";

const INSTALL = "application/vnd.npm.install-v1+json";

/**
 * Options: `port`, `tls`; `thin: true` behaves like a poor mirror (always the full document, no validators, no gzip);
 * `authorization` is the header without which everything is 401; `tarballBase()` puts archives on another host.
 */
export async function startNpmUpstream({ thin = false, authorization, tarballBase, ...options } = {}) {
  const registry = new NpmRegistry({ thin, authorization });
  const upstream = await startUpstream((request) => registry.respond(request), options);
  registry.packages = new Packages(() => upstream.url, tarballBase ?? (() => upstream.url));
  registry.advisories = new Map();
  upstream.packages = registry.packages;
  /** Reports a flaw: `{ id, title, severity, vulnerable_versions, url, affected: ["1.0.0"] }`. */
  upstream.addAdvisory = (name, advisory) => {
    registry.advisories.set(name, [...(registry.advisories.get(name) ?? []), advisory]);
  };
  return upstream;
}

class NpmRegistry {
  constructor({ thin, authorization }) {
    this.thin = thin;
    this.authorization = authorization;
  }

  respond(request) {
    if (this.authorization && request.headers.authorization !== this.authorization) {
      return { status: 401, headers: { "www-authenticate": "Basic" }, body: { error: "authorization required" } };
    }
    const path = request.path.replace(/\/$/, "");
    if (path.startsWith("/-/")) return this.#service(path.slice(3), request);
    const { name, rest } = splitName(path.slice(1));
    if (!name) return notFound("no package name");
    if (request.method === "PUT" && !rest) return this.#publish(name, request);
    if (request.method !== "GET" && request.method !== "HEAD") return { status: 405, body: { error: "method" } };
    if (!rest) return this.#packument(name, request);
    if (rest.startsWith("-/")) return this.#tarball(name, rest.slice(2));
    return this.#manifest(name, rest, request);
  }

  #packument(name, request) {
    const abbreviated = !this.thin && (request.headers.accept ?? "").includes(INSTALL);
    const document = this.packages.document(name, { abbreviated });
    if (!document) return notFound("Not found");
    const type = abbreviated ? INSTALL : "application/json";
    if (this.thin) return { headers: { "content-type": type }, body: document.bytes };
    return {
      headers: { "content-type": type, "cache-control": "public, max-age=300" },
      body: document.bytes,
      etag: etagOf(document.bytes),
      lastModified: document.modified,
      compress: true,
    };
  }

  #manifest(name, wanted, request) {
    const abbreviated = !this.thin && (request.headers.accept ?? "").includes(INSTALL);
    const manifest = this.packages.manifest(name, wanted, { abbreviated });
    return manifest ? { body: manifest, compress: !this.thin } : notFound(`version not found: ${wanted}`);
  }

  #tarball(name, file) {
    const stem = `${name.split("/").at(-1)}-`;
    const version = file.startsWith(stem) && file.endsWith(".tgz") ? file.slice(stem.length, -4) : undefined;
    const archive = version && this.packages.archive(name, version);
    if (!archive) return notFound("tarball not found");
    const headers = { "content-type": "application/octet-stream", "cache-control": "public, immutable" };
    const validators = this.thin ? {} : { etag: etagOf(archive), lastModified: this.packages.get(name).time[version] };
    return { headers, body: archive, ranges: true, ...validators };
  }

  /** Enough of publishing for clients to be tried against the stub itself. */
  async #publish(name, request) {
    const sent = JSON.parse(await request.body());
    for (const [version, manifest] of Object.entries(sent.versions ?? {})) {
      const known = this.packages.get(name)?.versions.get(version);
      const attached = sent._attachments?.[`${name}-${version}.tgz`];
      if (!attached && known) {
        this.packages.deprecate(name, version, manifest.deprecated);
        continue;
      }
      if (known) return { status: 409, body: { error: `cannot publish over ${name}@${version}` } };
      const { dist, _id, ...packageJson } = manifest;
      this.packages.publish(name, version, { ...packageJson, archive: Buffer.from(attached.data, "base64") });
    }
    for (const [tag, version] of Object.entries(sent["dist-tags"] ?? {})) this.packages.tag(name, tag, version);
    return { status: 201, body: { ok: true } };
  }

  async #service(path, request) {
    if (path === "ping") return { body: {} };
    if (path === "whoami") return { body: { username: "stub" } };
    if (path === "npm/v1/keys") return { body: { keys: this.packages.keys } };
    if (path === "v1/search") return { body: search(this.packages, request.query) };
    const attested = /^npm\/v1\/attestations\/(.+)@([^@]+)$/.exec(path);
    if (attested) return this.#attestations(attested[1], attested[2]);
    const tags = /^package\/(.+)\/dist-tags$/.exec(path);
    if (tags) return this.packages.get(tags[1]) ? { body: this.packages.get(tags[1]).tags } : notFound("Not found");
    if (request.method !== "POST") return notFound("no such service");
    if (path === "npm/v1/security/advisories/bulk") return { body: this.#bulk(await readJson(request)) };
    if (/^npm\/v1\/security\/audits(\/quick)?$/.test(path)) return { body: this.#audit(await readJson(request)) };
    return notFound("no such service");
  }

  #attestations(name, version) {
    const manifest = this.packages.manifest(name, version);
    if (!manifest?.dist.attestations) return notFound("no attestations");
    const sha512 = Buffer.from(manifest.dist.integrity.slice("sha512-".length), "base64").toString("hex");
    const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
    const predicateType = manifest.dist.attestations.provenance.predicateType;
    const statement = {
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: purl, digest: { sha512 } }],
      predicateType,
      predicate: {},
    };
    const bundle = {
      mediaType: "application/vnd.dev.sigstore.bundle+json;version=0.3",
      verificationMaterial: {},
      dsseEnvelope: {
        payload: Buffer.from(JSON.stringify(statement)).toString("base64"),
        payloadType: "application/vnd.in-toto+json",
        signatures: [],
      },
    };
    return { body: { attestations: [{ predicateType, bundle }] } };
  }

  /** The advisories that touch one of the versions a client has: `{ name: [version] }` -> `{ name: [advisory] }`. */
  #bulk(installed) {
    const found = {};
    for (const [name, versions] of Object.entries(installed)) {
      const touching = (this.advisories.get(name) ?? []).filter(({ affected }) =>
        affected.some((version) => versions.includes(version)),
      );
      if (touching.length > 0) found[name] = touching.map(({ affected, ...advisory }) => advisory);
    }
    return found;
  }

  /** The older question, a whole dependency tree, answered in its older form. */
  #audit(tree) {
    const advisories = {};
    const vulnerabilities = { info: 0, low: 0, moderate: 0, high: 0, critical: 0 };
    for (const { name, version, path } of walk(tree.dependencies)) {
      for (const { affected, ...advisory } of this.advisories.get(name) ?? []) {
        if (!affected.includes(version)) continue;
        const findings = [{ version, paths: [path] }];
        advisories[advisory.id] = { ...advisory, module_name: name, findings, patched_versions: "<0.0.0" };
        vulnerabilities[advisory.severity] += 1;
      }
    }
    return { actions: [], advisories, muted: [], metadata: { vulnerabilities, totalDependencies: 0 } };
  }
}

function* walk(dependencies = {}, above = "") {
  for (const [name, { version, dependencies: below }] of Object.entries(dependencies)) {
    const path = above ? `${above}>${name}` : name;
    yield { name, version, path };
    yield* walk(below, path);
  }
}

function search(packages, query) {
  const text = (query.get("text") ?? "").toLowerCase();
  const size = Math.min(Number(query.get("size") ?? 20), 250);
  const from = Number(query.get("from") ?? 0);
  const found = packages
    .names()
    .map((name) => packages.manifest(name, "latest"))
    .filter((manifest) => manifest && `${manifest.name} ${manifest.description}`.toLowerCase().includes(text));
  const score = { final: 1, detail: { quality: 1, popularity: 1, maintenance: 1 } };
  const objects = found.slice(from, from + size).map(({ name, version, description, keywords = [], maintainers }) => ({
    package: {
      name,
      version,
      description,
      keywords,
      date: packages.get(name).time[version],
      links: {},
      publisher: { username: "stub", email: "stub@example.com" },
      maintainers: maintainers.map(({ name: username, email }) => ({ username, email })),
    },
    score,
    searchScore: 1,
  }));
  return { objects, total: found.length, time: new Date(0).toISOString() };
}

/** `@scope/name/rest` or `name/rest`; the frame has decoded `%2f` already. */
function splitName(path) {
  const [, name, rest] = /^(@[^/]+\/[^/]+|[^@/][^/]*)(?:\/(.+))?$/.exec(path) ?? [];
  return { name, rest };
}

async function readJson(request) {
  const bytes = await request.body();
  return JSON.parse(request.headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes);
}

function notFound(error) {
  return { status: 404, body: { error } };
}
