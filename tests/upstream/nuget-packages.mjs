// The packages of a scripted NuGet gallery: built from short descriptions, with real archives (OPC packages, which old
// clients insist on), and changeable while the gallery runs. No HTTP here (nuget.mjs and nuget-odata.mjs have that).

import { createHash } from "node:crypto";

import { noise, zip } from "./archive.mjs";

const DAY = 86_400_000;
// A version's n-th publication is n days later.
const EPOCH = Date.parse("2024-01-01T00:00:00.000Z");
const NUSPEC = "http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd";
const OPC = "http://schemas.openxmlformats.org/package/2006";

/** A version as the gallery compares it and puts it into addresses: three or four parts, without build metadata. */
export function normalizedVersion(version) {
  const [, numbers, prerelease = ""] = /^([\d.]+)(-[^+]+)?/.exec(version.trim());
  const parts = numbers.split(".").map(Number);
  while (parts.length < 3) parts.push(0);
  if (parts.length === 4 && parts[3] === 0) parts.pop();
  return `${parts.join(".")}${prerelease}`;
}

/** The order of versions: numbers, then prereleases by SemVer's rules without regard to case. */
export function compareVersions(one, other) {
  const [left, right] = [one, other].map(parsed);
  for (let index = 0; index < 4; index += 1) {
    const difference = (left.numbers[index] ?? 0) - (right.numbers[index] ?? 0);
    if (difference !== 0) return difference;
  }
  if (!left.labels || !right.labels) return Number(Boolean(right.labels)) - Number(Boolean(left.labels));
  return compareLabels(left.labels, right.labels);
}

function parsed(version) {
  const [numbers, ...labels] = normalizedVersion(version).split("-");
  return { numbers: numbers.split(".").map(Number), labels: labels.length ? labels.join("-").toLowerCase().split(".") : undefined };
}

function compareLabels(one, other) {
  for (let index = 0; index < Math.max(one.length, other.length); index += 1) {
    if (one[index] === other[index]) continue;
    if (one[index] === undefined || other[index] === undefined) return one[index] === undefined ? -1 : 1;
    const [left, right] = [one[index], other[index]].map((label) => (/^\d+$/.test(label) ? Number(label) : label));
    if (typeof left !== typeof right) return typeof left === "number" ? -1 : 1;
    return left < right ? -1 : 1;
  }
  return 0;
}

/** What clients before SemVer 2 are not shown: dotted prereleases, and build metadata. */
export function isSemVer2(version) {
  return version.includes("+") || (version.split("-")[1] ?? "").includes(".");
}

export class Gallery {
  #packages = new Map();

  names() {
    return [...this.#packages.values()].map(({ name }) => name);
  }

  /** `{ name, versions, revision }`, by an id in any spelling; `versions` by normalised number, ascending. */
  get(name) {
    return this.#packages.get(name.toLowerCase());
  }

  /**
   * Adds a package: `{ name, versions: { "1.0.0": version } }`, where a version is `{ deps, listed, deprecated,
   * vulnerable, time, tags, authors, description, title, types, license, licenseFile, icon, readme, acceptance, files,
   * ballast }`. `deps` are ranges by id, or by framework: `{ ".NETStandard2.0": { Other: "[1.0,2.0)" } }`.
   */
  add({ name, versions }) {
    const entry = { name, versions: new Map(), revision: 0 };
    this.#packages.set(name.toLowerCase(), entry);
    for (const [version, described] of Object.entries(versions)) this.publish(name, version, described);
    return entry;
  }

  /** Publishes one more version at run time. */
  publish(name, version, described = {}) {
    const entry = this.get(name) ?? this.add({ name, versions: {} });
    const built = this.#version(entry, version, described);
    entry.versions.set(built.normalized, built);
    entry.versions = new Map([...entry.versions].sort(([one], [other]) => compareVersions(one, other)));
    entry.revision += 1;
    return built;
  }

  #version(entry, version, described) {
    const bytes = described.bytes ?? nupkg(entry.name, version, described);
    return {
      id: entry.name,
      version,
      normalized: normalizedVersion(version),
      described,
      listed: described.listed ?? true,
      deprecated: described.deprecated,
      vulnerable: described.vulnerable ?? [],
      time: described.time ?? new Date(EPOCH + entry.versions.size * DAY).toISOString(),
      groups: dependencyGroups(described.deps),
      bytes,
      hash: createHash("sha512").update(bytes).digest("base64"),
    };
  }

  unlist(name, version, listed = false) {
    this.#change(name, version, { listed });
  }

  /** `{ reasons, message, alternate }`, or nothing to take it back. */
  deprecate(name, version, deprecated) {
    this.#change(name, version, { deprecated });
  }

  #change(name, version, changes) {
    Object.assign(this.version(name, version), changes);
    this.get(name).revision += 1;
  }

  remove(name, version) {
    if (version === undefined) return this.#packages.delete(name.toLowerCase());
    this.get(name).revision += 1;
    return this.get(name).versions.delete(normalizedVersion(version));
  }

  /** A version in any spelling, or undefined. */
  version(name, version) {
    const wanted = normalizedVersion(version).toLowerCase();
    return [...(this.get(name)?.versions.values() ?? [])].find(({ normalized }) => normalized.toLowerCase() === wanted);
  }

  /** The archive of a version. */
  archive(name, version) {
    return this.version(name, version)?.bytes;
  }

  /** Every listed version with `q` in its id or tags, newest first per package. */
  search({ q = "", prerelease = false, semVer2 = false, type = "" }) {
    const text = q.toLowerCase();
    const found = [];
    for (const entry of this.#packages.values()) {
      const versions = [...entry.versions.values()].filter((one) => shown(one, { prerelease, semVer2, type }));
      const newest = versions.at(-1);
      const words = newest && [entry.name, ...(newest.described.tags ?? [])].join(" ").toLowerCase();
      if (words?.includes(text)) found.push({ entry, versions, newest });
    }
    return found.sort((one, other) => one.entry.name.localeCompare(other.entry.name));
  }

  modified(entry) {
    // Every change is a minute younger than the one before, so that Last-Modified moves without a wall clock.
    return new Date(EPOCH + 365 * DAY + entry.revision * 60_000).toISOString();
  }
}

function shown(one, { prerelease, semVer2, type }) {
  const fits = !type || (one.described.types ?? ["Dependency"]).some((name) => name.toLowerCase() === type.toLowerCase());
  return one.listed && fits && (prerelease || !one.normalized.includes("-")) && (semVer2 || !isSemVer2(one.version));
}

/** `[{ framework, dependencies: [[id, range], ...] }, ...]` */
function dependencyGroups(deps = {}) {
  const grouped = Object.values(deps).some((value) => typeof value === "object");
  if (grouped) return Object.entries(deps).map(([framework, inner]) => ({ framework, dependencies: Object.entries(inner) }));
  return Object.keys(deps).length ? [{ framework: "", dependencies: Object.entries(deps) }] : [];
}

/** A true package, as `nuget pack` makes it: with the relations and properties that OPC asks for. */
export function nupkg(id, version, { files = {}, ballast = 0, icon, readme, licenseFile, library = true, ...about } = {}) {
  const properties = "package/services/metadata/core-properties/00000000000000000000000000000001.psmdcp";
  return zip({
    "_rels/.rels": relations(id, properties),
    [`${id}.nuspec`]: nuspec(id, version, { icon, readme, licenseFile, ...about }),
    ...(library && { [`lib/netstandard2.0/${id}.dll`]: `not really a library: ${id} ${version}\n` }),
    ...(icon && { "icon.png": icon }),
    ...(readme && { "README.md": readme }),
    ...(licenseFile && { "LICENSE.txt": licenseFile }),
    ...(ballast && { "content/ballast.bin": noise(ballast, id.length) }),
    ...files,
    "[Content_Types].xml": contentTypes(["rels", "psmdcp", "nuspec", "dll", "pdb", "png", "md", "txt", "bin", ...extensions(files)]),
    [properties]: coreProperties(id, version, about),
  });
}

function extensions(files) {
  return Object.keys(files).map((path) => path.split(".").at(-1));
}

function relations(id, properties) {
  const kinds = {
    "http://schemas.microsoft.com/packaging/2010/07/manifest": `/${id}.nuspec`,
    [`${OPC}/relationships/metadata/core-properties`]: `/${properties}`,
  };
  const lines = Object.entries(kinds).map(([type, target], index) => `<Relationship Type="${type}" Target="${target}" Id="R${index}" />`);
  return document(`<Relationships xmlns="${OPC}/relationships">${lines.join("")}</Relationships>`);
}

function contentTypes(names) {
  const types = { rels: "application/vnd.openxmlformats-package.relationships+xml", psmdcp: "application/vnd.openxmlformats-package.core-properties+xml" };
  const lines = [...new Set(names)].map((name) => `<Default Extension="${name}" ContentType="${types[name] ?? "application/octet"}" />`);
  return document(`<Types xmlns="${OPC}/content-types">${lines.join("")}</Types>`);
}

function coreProperties(id, version, { authors = ["Scripted"], description, tags = [] }) {
  const inner =
    `<dc:creator>${escapeXml(authors.join(", "))}</dc:creator><dc:description>${escapeXml(description ?? `scripted ${id}`)}</dc:description>` +
    `<dc:identifier>${id}</dc:identifier><version>${version}</version><keywords>${escapeXml(tags.join(" "))}</keywords>`;
  return document(`<coreProperties xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns="${OPC}/metadata/core-properties">${inner}</coreProperties>`);
}

/** The manifest of a package; `about` is what `Gallery.add` takes for a version. */
export function nuspec(id, version, { authors = ["Scripted"], description = `scripted ${id}`, acceptance = false, ...about } = {}) {
  const element = (name, value, attributes = "") => (value === undefined ? "" : `    <${name}${attributes}>${escapeXml(String(value))}</${name}>\n`);
  const lines = [
    element("id", id),
    element("version", version),
    element("title", about.title),
    element("authors", authors.join(", ")),
    element("requireLicenseAcceptance", acceptance),
    about.licenseFile ? element("license", "LICENSE.txt", ' type="file"') : element("license", about.license, ' type="expression"'),
    element("icon", about.icon && "icon.png"),
    element("readme", about.readme && "README.md"),
    element("description", description),
    element("tags", about.tags?.join(" ")),
    types(about.types),
    dependencies(dependencyGroups(about.deps)),
  ];
  return document(`<package xmlns="${NUSPEC}">\n  <metadata>\n${lines.join("")}  </metadata>\n</package>`);
}

function types(names) {
  return names ? `    <packageTypes>${names.map((name) => `<packageType name="${name}" />`).join("")}</packageTypes>\n` : "";
}

function dependencies(groups) {
  if (groups.length === 0) return "";
  const line = ([id, range]) => `<dependency id="${id}" version="${escapeXml(range)}" />`;
  const plain = groups.length === 1 && groups[0].framework === "";
  const group = ({ framework, dependencies: needed }) => `<group targetFramework="${framework}">${needed.map(line).join("")}</group>`;
  const inner = plain ? groups[0].dependencies.map(line) : groups.map(group);
  return `    <dependencies>${inner.join("")}</dependencies>\n`;
}

export function escapeXml(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

function document(root) {
  return `<?xml version="1.0" encoding="utf-8"?>\n${root}`;
}
