// A scripted NuGet gallery with everything the real one has: the service index, registrations in three hives with pages
// inside and outside, the flat container, catalog leaves with the archives' digests, search, vulnerabilities; and below
// /v2/ the OData feed of older clients (nuget-odata.mjs). Faults, log and server are frame.mjs's, packages
// nuget-packages.mjs's. Pushes are not taken here.
//
//     const upstream = await startNugetUpstream();
//     upstream.packages.add({ name: "Left", versions: { "1.0.0": {}, "1.1.0": { deps: { Right: "[2.0,)" } } } });
//     ... nuget install Left -Source ${upstream.index} ...

import { gzipSync } from "node:zlib";

import { etagOf, startUpstream } from "./frame.mjs";
import { OData } from "./nuget-odata.mjs";
import { Gallery, isSemVer2, nuspec } from "./nuget-packages.mjs";

/** As many versions in a page, once there are too many for one document. */
const PAGE = 64;
const INLINE = 128;
/** Where each kind of registration is: plain, compressed, and compressed with SemVer 2 versions. */
const HIVES = ["registration", "registration-gz", "registration-gz-semver2"];
const UNLISTED = "1900-01-01T00:00:00+00:00";

/**
 * Options: `port`, `tls`; `thin: true` behaves like a poor server (no validators, no digests, no catalog, no hives but the
 * first, no vulnerabilities); `authorization` is the header without which everything is 401; `oldOnly` speaks OData and
 * nothing else; `pageSize` is how many entries a page of OData has; `filesBase()` puts archives on another host.
 */
export async function startNugetUpstream({ thin = false, authorization, oldOnly = false, pageSize, filesBase, ...options } = {}) {
  const gallery = new V3({ thin, authorization, oldOnly });
  const upstream = await startUpstream((request) => gallery.respond(request), options);
  gallery.base = () => upstream.url;
  gallery.filesBase = filesBase ?? gallery.base;
  gallery.packages = new Gallery();
  gallery.odata = new OData({ packages: gallery.packages, base: () => `${upstream.url}v2/`, pageSize, thin });
  upstream.protocol = "nuget";
  upstream.packages = gallery.packages;
  Object.defineProperty(upstream, "index", { get: () => `${upstream.url}v3/index.json` });
  Object.defineProperty(upstream, "v2", { get: () => `${upstream.url}v2/` });
  Object.defineProperty(upstream, "location", { get: () => (oldOnly ? upstream.v2 : upstream.index) });
  return upstream;
}

/** Where an archive is, below the root: for faults and the request log. */
export function nupkgPath(name, version) {
  const [id, number] = [name.toLowerCase(), version.toLowerCase()];
  return `/flat/${id}/${number}/${id}.${number}.nupkg`;
}

/** Where the registration of a package is, in the hive that today's clients read. */
export function registrationPath(name, hive = HIVES[2]) {
  return `/${hive}/${name.toLowerCase()}/index.json`;
}

class V3 {
  constructor({ thin, authorization, oldOnly }) {
    Object.assign(this, { thin, authorization, oldOnly });
  }

  respond(request) {
    if (this.authorization && request.headers.authorization !== this.authorization) {
      return { status: 401, headers: { "www-authenticate": 'Basic realm="scripted"' }, body: "authorization required" };
    }
    if (request.method !== "GET" && request.method !== "HEAD") return { status: 405, body: "method not allowed" };
    const [, root, rest = ""] = /^\/([^/]+)(?:\/(.*))?$/.exec(request.path) ?? [];
    if (root === "v2") return this.odata.respond(request, rest);
    if (this.oldOnly) return notFound();
    if (root === "v3" && rest === "index.json") return this.#document({ version: "3.0.0", resources: this.#resources() });
    if (root === "flat") return this.#flat(rest);
    if (HIVES.includes(root)) return this.#registration(root, rest);
    if (root === "catalog0") return this.#catalog(rest);
    if (root === "query") return this.#query(request.query);
    if (root === "autocomplete") return this.#autocomplete(request.query);
    if (root === "vulnerabilities") return this.#vulnerabilities(rest);
    return notFound();
  }

  #resources() {
    const full = {
      "registration-gz/": ["RegistrationsBaseUrl/3.4.0"],
      "registration-gz-semver2/": ["RegistrationsBaseUrl/3.6.0", "RegistrationsBaseUrl/Versioned"],
      "vulnerabilities/index.json": ["VulnerabilityInfo/6.7.0"],
      "catalog0/index.json": ["Catalog/3.0.0"],
      "flat/{lower_id}/{lower_version}/readme": ["ReadmeUriTemplate/6.13.0"],
    };
    const kinds = {
      "flat/": ["PackageBaseAddress/3.0.0"],
      "registration/": ["RegistrationsBaseUrl", "RegistrationsBaseUrl/3.0.0-beta", "RegistrationsBaseUrl/3.0.0-rc"],
      query: ["SearchQueryService", "SearchQueryService/3.0.0-beta", "SearchQueryService/3.0.0-rc", "SearchQueryService/3.5.0"],
      autocomplete: ["SearchAutocompleteService", "SearchAutocompleteService/3.5.0"],
      "v2/package": ["PackagePublish/2.0.0"],
      v2: ["LegacyGallery/2.0.0"],
      ...(!this.thin && full),
    };
    return Object.entries(kinds).flatMap(([path, types]) => types.map((type) => ({ "@id": this.base() + path, "@type": type })));
  }

  /** A document with validators; compressed for those who ask, or for everybody, as the newer hives are. */
  #document(body, { lastModified, gzip = false } = {}) {
    const bytes = Buffer.from(JSON.stringify(body));
    const headers = { "content-type": "application/json" };
    const validators = this.thin ? {} : { etag: etagOf(bytes), lastModified };
    if (gzip) return { headers: { ...headers, "content-encoding": "gzip" }, body: gzipSync(bytes), ...validators };
    return { headers, body: bytes, ...validators, compress: !this.thin };
  }

  #flat(rest) {
    const [id, version, file] = rest.split("/");
    const entry = this.packages.get(id);
    if (entry && version === "index.json") {
      const versions = [...entry.versions.keys()].map((number) => number.toLowerCase());
      return versions.length ? this.#document({ versions }, { lastModified: this.packages.modified(entry) }) : notFound();
    }
    const found = entry && version && file && this.packages.version(id, version);
    const content = found && this.#content(found, file);
    if (content === undefined) return notFound();
    const body = Buffer.from(content);
    const headers = { "content-type": "application/octet-stream" };
    return { headers, body, ranges: true, ...(!this.thin && { etag: etagOf(body), lastModified: found.time }) };
  }

  /** What the flat container has of a version, by the name of the file. */
  #content(found, file) {
    const stem = `${found.id}.${found.normalized}`.toLowerCase();
    if (file === `${stem}.nupkg`) return found.bytes;
    if (file === `${stem}.nupkg.sha512`) return this.thin ? undefined : found.hash;
    if (file === `${found.id.toLowerCase()}.nuspec`) return nuspec(found.id, found.version, found.described);
    return { icon: found.described.icon, readme: found.described.readme, license: found.described.licenseFile }[file];
  }

  #registration(hive, rest) {
    const [id, ...tail] = rest.split("/");
    const entry = this.packages.get(id);
    if (!entry || (this.thin && hive !== HIVES[0])) return notFound();
    const versions = [...entry.versions.values()].filter(({ version }) => hive === HIVES[2] || !isSemVer2(version));
    const options = { lastModified: this.packages.modified(entry), gzip: hive !== HIVES[0] };
    const url = `${this.base()}${hive}/${id}/`;
    const pages = this.#pages(entry, versions, url);
    if (tail.join("/") === "index.json" && versions.length > 0) return this.#document(this.#index(url, versions, pages), options);
    const page = pages.find((one) => one["@id"] === url + tail.join("/"));
    if (page) return this.#document(page, options);
    const leaf = versions.find(({ normalized }) => tail[0] === `${normalized.toLowerCase()}.json`);
    return leaf ? this.#document(this.#leaf(leaf, url), options) : notFound();
  }

  /** Up to 127 versions stand in the index itself; of more there the pages have documents of their own. */
  #index(url, versions, pages) {
    const inside = versions.length < INLINE;
    const listed = pages.map(({ items, ...page }) => (inside ? { ...page, items } : page));
    const index = { "@id": `${url}index.json`, "@type": ["catalog:CatalogRoot", "PackageRegistration", "catalog:Permalink"] };
    return { ...index, commitId: "00000000-0000-0000-0000-000000000001", commitTimeStamp: "2024-01-01T00:00:00Z", count: pages.length, items: listed };
  }

  #pages(entry, versions, url) {
    const pages = [];
    for (let from = 0; from < versions.length; from += PAGE) {
      const part = versions.slice(from, from + PAGE);
      const [lower, upper] = [part[0], part.at(-1)].map(({ normalized }) => normalized);
      const whole = versions.length < INLINE ? `index.json#page/${lower}/${upper}` : `page/${lower.toLowerCase()}/${upper.toLowerCase()}.json`;
      const items = part.map((one) => this.#item(one, url));
      pages.push({ "@id": url + whole, "@type": "catalog:CatalogPage", count: part.length, lower, upper, parent: `${url}index.json`, items });
    }
    return pages;
  }

  #item(one, url) {
    const content = this.nupkgUrl(one);
    const leaf = { "@id": `${url}${one.normalized.toLowerCase()}.json`, "@type": "Package" };
    return { ...leaf, packageContent: content, registration: `${url}index.json`, catalogEntry: this.#entry(one, url) };
  }

  #leaf(one, url) {
    const { listed, published } = this.#entry(one, url);
    const leaf = { "@id": `${url}${one.normalized.toLowerCase()}.json`, "@type": ["Package", "catalog:Permalink"], listed, published };
    return { ...leaf, ...(!this.thin && { catalogEntry: this.#catalogUrl(one) }), packageContent: this.nupkgUrl(one), registration: `${url}index.json` };
  }

  /** What a registration says of a version. */
  #entry(one, url) {
    const { described } = one;
    return {
      "@id": this.thin ? `${url}${one.normalized.toLowerCase()}.json#entry` : this.#catalogUrl(one),
      "@type": "PackageDetails",
      id: one.id,
      version: one.version,
      authors: (described.authors ?? ["Scripted"]).join(", "),
      description: described.description ?? `scripted ${one.id}`,
      title: described.title ?? "",
      tags: described.tags ?? [],
      language: "",
      iconUrl: described.icon ? `${this.base()}flat/${one.id.toLowerCase()}/${one.normalized.toLowerCase()}/icon` : "",
      licenseExpression: described.license ?? "",
      requireLicenseAcceptance: described.acceptance ?? false,
      dependencyGroups: one.groups.map((group) => this.#group(group, url)),
      listed: one.listed,
      published: one.listed ? one.time : UNLISTED,
      packageContent: this.nupkgUrl(one),
      ...(one.deprecated && { deprecation: deprecation(one.deprecated, url) }),
      ...(one.vulnerable.length > 0 && { vulnerabilities: one.vulnerable.map((said) => ({ advisoryUrl: said.url, severity: String(said.severity) })) }),
    };
  }

  #group({ framework, dependencies }, url) {
    const registration = (id) => new URL(`../${id.toLowerCase()}/index.json`, url).href;
    const needed = dependencies.map(([id, range]) => ({ "@type": "PackageDependency", id, range: interval(range), registration: registration(id) }));
    return { "@type": "PackageDependencyGroup", ...(framework && { targetFramework: framework }), dependencies: needed };
  }

  nupkgUrl({ id, normalized }) {
    return this.filesBase() + nupkgPath(id, normalized).slice(1);
  }

  #catalogUrl(one) {
    return `${this.base()}catalog0/data/2024.01.01.00.00.00/${one.id.toLowerCase()}.${one.normalized.toLowerCase()}.json`;
  }

  /** The leaf of the catalog: what a registration says, and the digest of the archive. */
  #catalog(rest) {
    const all = this.packages.names().flatMap((name) => [...this.packages.get(name).versions.values()]);
    const one = all.find((candidate) => this.#catalogUrl(candidate).endsWith(`/catalog0/${rest}`));
    if (!one || this.thin) return notFound();
    const hash = { packageHash: one.hash, packageHashAlgorithm: "SHA512", packageSize: one.bytes.length };
    const { packageContent, ...entry } = this.#entry(one, `${this.base()}${HIVES[2]}/${one.id.toLowerCase()}/`);
    return this.#document({ ...entry, ...hash, created: one.time, isPrerelease: one.normalized.includes("-"), verbatimVersion: one.version });
  }

  #query(query) {
    const { found, skip, take } = this.#found(query);
    const data = found.slice(skip, skip + take).map((one) => this.#hit(one));
    return this.#document({ totalHits: found.length, data });
  }

  #found(query) {
    const wanted = {
      q: query.get("q") ?? "",
      prerelease: query.get("prerelease") === "true",
      semVer2: (query.get("semVerLevel") ?? "").startsWith("2"),
      type: query.get("packageType") ?? "",
    };
    return { found: this.packages.search(wanted), skip: Number(query.get("skip") ?? 0), take: Number(query.get("take") ?? 20) };
  }

  #hit({ entry, versions, newest }) {
    const url = `${this.base()}registration-gz-semver2/${entry.name.toLowerCase()}/`;
    const listed = versions.map((one) => ({ version: one.version, downloads: 1, "@id": `${url}${one.normalized.toLowerCase()}.json` }));
    const { description, title, tags, iconUrl } = this.#entry(newest, url);
    const types = (newest.described.types ?? ["Dependency"]).map((name) => ({ name }));
    const about = { description, title, tags, iconUrl, authors: newest.described.authors ?? ["Scripted"], owners: ["scripted"], verified: false };
    const head = { "@id": `${url}index.json`, "@type": "Package", registration: `${url}index.json`, id: entry.name, version: newest.version };
    return { ...head, ...about, totalDownloads: versions.length, packageTypes: types, versions: listed };
  }

  #autocomplete(query) {
    if (query.has("id")) {
      const versions = [...(this.packages.get(query.get("id"))?.versions.values() ?? [])];
      const wanted = (one) => one.listed && (query.get("prerelease") === "true" || !one.normalized.includes("-"));
      return this.#document({ data: versions.filter(wanted).map(({ normalized }) => normalized) });
    }
    const { found, skip, take } = this.#found(query);
    return this.#document({ totalHits: found.length, data: found.slice(skip, skip + take).map(({ entry }) => entry.name) });
  }

  /** An index of two pages: what is known for long, and what came since. */
  #vulnerabilities(rest) {
    if (this.thin) return notFound();
    const names = { "base.json": "base", "update.json": "update" };
    const about = { "@updated": "2024-06-01T00:00:00Z", comment: "scripted" };
    const pages = Object.entries(names).map(([file, name]) => ({ "@name": name, "@id": `${this.base()}vulnerabilities/${file}`, ...about }));
    if (rest === "index.json") return this.#document(pages);
    if (!names[rest]) return notFound();
    return this.#document(rest === "base.json" ? this.#known() : {});
  }

  #known() {
    const known = {};
    for (const name of this.packages.names()) {
      const advisories = (one) => one.vulnerable.map(({ url, severity, range }) => ({ url, severity, versions: range ?? `[${one.normalized}]` }));
      const said = [...this.packages.get(name).versions.values()].flatMap(advisories);
      if (said.length > 0) known[name.toLowerCase()] = said;
    }
    return known;
  }
}

function deprecation({ reasons = ["Legacy"], message, alternate }, url) {
  const other = alternate && { "@id": `${url}#deprecation/alternate`, id: alternate, range: "*" };
  return { "@id": `${url}#deprecation`, "@type": "deprecation", reasons, ...(message && { message }), ...(other && { alternatePackage: other }) };
}

/** A plain number stands for itself and everything above it, which registrations spell out. */
function interval(range) {
  return /^[[(]/.test(range) ? range : `[${range}, )`;
}

function notFound() {
  return { status: 404, headers: { "content-type": "application/xml" }, body: "<Error><Code>BlobNotFound</Code></Error>" };
}
