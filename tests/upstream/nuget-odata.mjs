// The OData feed of a scripted NuGet gallery: Atom entries with what older clients ask for, `next` links, counts, and the
// filters that nuget 2.8, PowerShellGet and a feed send. An expression that is not known here is a 400.

import { etagOf } from "./frame.mjs";
import { compareVersions, escapeXml, isSemVer2 } from "./nuget-packages.mjs";

const DATA = "http://schemas.microsoft.com/ado/2007/08/dataservices";
const NAMESPACES = `xmlns="http://www.w3.org/2005/Atom" xmlns:d="${DATA}" xmlns:m="${DATA}/metadata"`;
const UNLISTED = "1900-01-01T00:00:00";

export class OData {
  constructor({ packages, base, pageSize = 100, thin }) {
    Object.assign(this, { packages, base, pageSize, thin });
  }

  /** `rest` is the path below the root of the feed. */
  respond(request, rest) {
    const { query } = request;
    const [, call, count] = /^([\w$]+(?:\([^)]*\))?)(\/\$count)?$/.exec(rest) ?? [];
    const [, name, inner = ""] = /^([\w$]+)(?:\((.*)\))?$/.exec(call ?? "") ?? [];
    if (rest === "") return atom(this.#service());
    if (name === "$metadata") return { headers: { "content-type": "application/xml" }, body: model() };
    if (rest.startsWith("package/")) return this.#archive(rest.split("/"));
    if (name === "Packages" && inner) return this.#entry(inner);
    try {
      if (name === "FindPackagesById") return this.#feed(request, rest, this.#byId(query), count);
      if (name === "Search") return this.#feed(request, rest, this.#search(query), count);
      if (name === "Packages") return this.#feed(request, rest, this.#all(), count);
    } catch (error) {
      return { status: 400, headers: { "content-type": "text/plain" }, body: error.message };
    }
    return { status: 404, body: "not found" };
  }

  #service() {
    const collection = '<collection href="Packages"><atom:title>Packages</atom:title></collection>';
    const namespaces = 'xmlns="http://www.w3.org/2007/app" xmlns:atom="http://www.w3.org/2005/Atom"';
    return `<service xml:base="${this.base()}" ${namespaces}><workspace><atom:title>Default</atom:title>${collection}</workspace></service>`;
  }

  #archive([, id, version]) {
    const body = version && this.packages.archive(id, version);
    if (!body) return { status: 404, body: "not found" };
    return { headers: { "content-type": "application/zip" }, body, ranges: true, ...(!this.thin && { etag: etagOf(body) }) };
  }

  #entry(key) {
    const [, id] = /Id='([^']*)'/.exec(key) ?? [];
    const [, version] = /Version='([^']*)'/.exec(key) ?? [];
    const one = id && version && /^\d/.test(version) && this.packages.version(id, version);
    return one ? atom(this.#written(one, NAMESPACES), "entry") : { status: 404, body: "not found" };
  }

  #byId(query) {
    const id = unquoted(query.get("id") ?? "");
    const semVer2 = (query.get("semVerLevel") ?? "").startsWith("2");
    return this.#versions([id]).filter(({ version }) => semVer2 || !isSemVer2(version));
  }

  #search(query) {
    const prerelease = query.get("includePrerelease") === "true";
    const semVer2 = (query.get("semVerLevel") ?? "").startsWith("2");
    return this.packages.search({ q: unquoted(query.get("searchTerm") ?? ""), prerelease, semVer2 }).flatMap(({ versions }) => versions);
  }

  #all() {
    return this.#versions(this.packages.names());
  }

  #versions(names) {
    return names.flatMap((name) => [...(this.packages.get(name)?.versions.values() ?? [])]);
  }

  /** A page of those that match, in the order asked for; `$skip` goes on where the page ended. */
  #feed(request, rest, versions, count) {
    const { query } = request;
    const matches = filter(query.get("$filter") ?? "");
    const found = ordered(versions.filter((one) => matches(this.#properties(one))), query.get("$orderby") ?? "");
    if (count) return { headers: { "content-type": "text/plain" }, body: String(found.length) };
    const skip = Number(query.get("$skip") ?? 0);
    const wanted = Number(query.get("$top") ?? Infinity);
    const page = found.slice(skip, skip + Math.min(wanted, this.pageSize));
    const left = Math.min(found.length - skip, wanted) - page.length;
    const next = left > 0 ? this.#next(rest, query, skip + page.length, wanted - page.length) : "";
    const total = query.get("$inlinecount") === "allpages" ? `<m:count>${found.length}</m:count>` : "";
    const entries = page.map((one) => this.#written(one)).join("");
    const id = `${this.base()}${rest.split("(")[0]}`;
    return { ...atom(`<feed xml:base="${this.base()}" ${NAMESPACES}>${total}<id>${id}</id><title/>${entries}${next}</feed>`), compress: !this.thin };
  }

  #next(rest, query, skip, top) {
    const more = new URLSearchParams(query);
    more.set("$skip", skip);
    if (Number.isFinite(top)) more.set("$top", top);
    return `<link rel="next" href="${escapeXml(`${this.base()}${rest}?${more}`)}"/>`;
  }

  #properties(one) {
    const siblings = [...this.packages.get(one.id).versions.values()].filter(({ listed }) => listed);
    const stable = siblings.filter(({ normalized }) => !normalized.includes("-"));
    return {
      Id: one.id,
      Version: one.version.split("+")[0],
      NormalizedVersion: one.normalized,
      Authors: (one.described.authors ?? ["Scripted"]).join(", "),
      Created: one.time,
      Dependencies: one.groups.map(dependencies).join("|"),
      Description: one.described.description ?? `scripted ${one.id}`,
      DownloadCount: 1,
      IsLatestVersion: stable.at(-1) === one,
      IsAbsoluteLatestVersion: siblings.at(-1) === one,
      IsPrerelease: one.normalized.includes("-"),
      Listed: one.listed,
      Published: one.listed ? one.time : UNLISTED,
      PackageHash: this.thin ? null : one.hash,
      PackageHashAlgorithm: this.thin ? null : "SHA512",
      PackageSize: one.bytes.length,
      RequireLicenseAcceptance: one.described.acceptance ?? false,
      Tags: one.described.tags?.join(" ") ?? null,
      Title: one.described.title ?? one.id,
      VersionDownloadCount: 1,
    };
  }

  #written(one, namespaces = "") {
    const properties = this.#properties(one);
    const id = `${this.base()}Packages(Id='${one.id}',Version='${properties.Version}')`;
    const content = `${this.base()}package/${one.id}/${properties.Version}`;
    const inner = Object.entries(properties).map(([name, value]) => property(name, value)).join("");
    const author = `<author><name>${escapeXml(properties.Authors)}</name></author>`;
    const about = `<title type="text">${one.id}</title><updated>${properties.Created}</updated>${author}`;
    const category = `<category term="NuGetGallery.OData.V2FeedPackage" scheme="${DATA}/scheme"/>`;
    const archive = `<content type="application/zip" src="${content}"/>`;
    return `<entry ${namespaces}><id>${id}</id>${category}${about}${archive}<m:properties>${inner}</m:properties></entry>`;
  }
}

/** `id:range:framework`, joined by pipes. */
function dependencies({ framework, dependencies: needed }) {
  if (needed.length === 0) return `::${framework}`;
  return needed.map(([id, range]) => `${id}:${range}:${framework}`).join("|");
}

function property(name, value) {
  if (value === null) return `<d:${name} m:null="true"/>`;
  const type = FIELDS[name];
  const text = type === "Edm.DateTime" ? value.replace(/Z$/, "") : String(value);
  return `<d:${name}${type === "Edm.String" ? "" : ` m:type="${type}"`}>${escapeXml(text)}</d:${name}>`;
}

/** `and` of comparisons, flags and `substringof`: a predicate on the properties of an entry. */
function filter(text) {
  const parts = text.split(/ and /i).map((part) => part.trim().replace(/^\((.*)\)$/, "$1")).filter(Boolean).map(condition);
  return (properties) => parts.every((holds) => holds(properties));
}

const OPERATORS = {
  eq: (sign) => sign === 0,
  ne: (sign) => sign !== 0,
  gt: (sign) => sign > 0,
  ge: (sign) => sign >= 0,
  lt: (sign) => sign < 0,
  le: (sign) => sign <= 0,
};

function condition(text) {
  const flag = /^(\w+)(?: eq (true|false))?$/.exec(text);
  if (flag) return (properties) => properties[flag[1]] === (flag[2] !== "false");
  const within = /^substringof\('([^']*)', ?(\w+)\)(?: eq true)?$/.exec(text);
  if (within) return (properties) => String(properties[within[2]] ?? "").includes(within[1]);
  const compared = /^(?:tolower\((\w+)\)|(\w+)) (eq|ne|gt|ge|lt|le) '([^']*)'$/.exec(text);
  if (!compared) throw new Error(`unknown expression: ${text}`);
  const [, folded, plain, operator, value] = compared;
  const holds = OPERATORS[operator];
  const name = folded ?? plain;
  return (properties) => holds(sign(name, folded ? properties[name].toLowerCase() : properties[name], value));
}

function sign(name, one, other) {
  if (name === "Version" || name === "NormalizedVersion") return compareVersions(one, other);
  return one === other ? 0 : one < other ? -1 : 1;
}

function ordered(versions, by) {
  if (!/^Version/.test(by)) return versions;
  const sorted = versions.toSorted((one, other) => compareVersions(one.version, other.version));
  return / desc/.test(by) ? sorted.reverse() : sorted;
}

function unquoted(text) {
  return text.replace(/^'(.*)'$/, "$1").replaceAll("''", "'");
}

function atom(body, type = "feed") {
  const headers = { "content-type": `application/atom+xml; type=${type}; charset=utf-8` };
  return { headers, body: `<?xml version="1.0" encoding="utf-8"?>${body}` };
}

/** Every property, with its type. */
const FIELDS = {
  Id: "Edm.String",
  Version: "Edm.String",
  NormalizedVersion: "Edm.String",
  Authors: "Edm.String",
  Created: "Edm.DateTime",
  Dependencies: "Edm.String",
  Description: "Edm.String",
  DownloadCount: "Edm.Int32",
  IsLatestVersion: "Edm.Boolean",
  IsAbsoluteLatestVersion: "Edm.Boolean",
  IsPrerelease: "Edm.Boolean",
  Listed: "Edm.Boolean",
  Published: "Edm.DateTime",
  PackageHash: "Edm.String",
  PackageHashAlgorithm: "Edm.String",
  PackageSize: "Edm.Int64",
  RequireLicenseAcceptance: "Edm.Boolean",
  Tags: "Edm.String",
  Title: "Edm.String",
  VersionDownloadCount: "Edm.Int32",
};
const FUNCTIONS = {
  Search: { searchTerm: "Edm.String", targetFramework: "Edm.String", includePrerelease: "Edm.Boolean" },
  FindPackagesById: { id: "Edm.String" },
};

/** The model, as far as old clients look before they ask. */
function model() {
  const schemas = "http://schemas.microsoft.com/ado";
  const entity = "NuGetGallery.OData.V2FeedPackage";
  const properties = Object.entries(FIELDS).map(([name, type]) => `<Property Name="${name}" Type="${type}" Nullable="${name !== "Id" && name !== "Version"}"/>`);
  const key = '<Key><PropertyRef Name="Id"/><PropertyRef Name="Version"/></Key>';
  const functions = Object.entries(FUNCTIONS).map(([name, parameters]) => {
    const lines = Object.entries(parameters).map(([one, type]) => `<Parameter Name="${one}" Type="${type}" Mode="In"/>`);
    return `<FunctionImport Name="${name}" ReturnType="Collection(${entity})" EntitySet="Packages" m:HttpMethod="GET">${lines.join("")}</FunctionImport>`;
  });
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    `<edmx:Edmx Version="1.0" xmlns:edmx="${schemas}/2007/06/edmx">`,
    `<edmx:DataServices m:DataServiceVersion="2.0" m:MaxDataServiceVersion="2.0" xmlns:m="${DATA}/metadata">`,
    `<Schema Namespace="NuGetGallery.OData" xmlns="${schemas}/2006/04/edm">`,
    `<EntityType Name="V2FeedPackage" m:HasStream="true">${key}${properties.join("")}</EntityType>`,
    '<EntityContainer Name="V2FeedContext" m:IsDefaultEntityContainer="true">',
    `<EntitySet Name="Packages" EntityType="${entity}"/>${functions.join("")}`,
    "</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>",
  ].join("");
}
