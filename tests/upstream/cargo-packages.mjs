// The crates of a scripted registry: built from short descriptions, with real archives that cargo builds, and index
// lines as the specification has them; changeable while the registry runs. No HTTP here (cargo.mjs has that).

import { createHash } from "node:crypto";

import { noise, tarball } from "./archive.mjs";

const DAY = 86_400_000;
// Old enough for every client's age gate; a version's n-th publication is n days later.
const EPOCH = Date.parse("2024-01-01T00:00:00.000Z");

/** Names that a registry takes for one: case, `-` and `_` do not tell crates apart. */
export const canonical = (name) => name.toLowerCase().replaceAll("_", "-");

/** Where a crate's lines are, below the index. */
export function indexPath(name) {
  const lower = name.toLowerCase();
  if (lower.length <= 2) return `${lower.length}/${lower}`;
  if (lower.length === 3) return `3/${lower[0]}/${lower}`;
  return `${lower.slice(0, 2)}/${lower.slice(2, 4)}/${lower}`;
}

export class Crates {
  #crates = new Map();

  names() {
    return [...this.#crates.values()].map(({ name }) => name);
  }

  get(name) {
    return this.#crates.get(canonical(name));
  }

  /**
   * Adds a crate: `{ name, versions: { "1.0.0": version } }`, where a version is `{ deps, features, features2, links,
   * yanked, rustVersion, time, files, ballast }` and a dependency a requirement by name, or `{ req, features, optional,
   * defaultFeatures, target, kind, package, registry }`. `features2` (or `dep:`) makes a line of version 2.
   */
  add({ name, versions }) {
    const entry = { name, versions: new Map(), revision: 0 };
    this.#crates.set(canonical(name), entry);
    for (const [version, described] of Object.entries(versions)) this.publish(name, version, described);
    return entry;
  }

  publish(name, version, described = {}) {
    const entry = this.get(name) ?? this.add({ name, versions: {} });
    const archive = crate(name, version, described);
    const time = described.time ?? new Date(EPOCH + entry.versions.size * DAY).toISOString().replace(".000Z", "Z");
    entry.versions.set(version, { archive, line: line(name, version, { ...described, time }, archive) });
    entry.revision += 1;
    return entry.versions.get(version);
  }

  yank(name, version, yanked = true) {
    const entry = this.get(name);
    entry.versions.get(version).line.yanked = yanked;
    entry.revision += 1;
  }

  remove(name, version) {
    if (version === undefined) return this.#crates.delete(canonical(name));
    const entry = this.get(name);
    entry.versions.delete(version);
    entry.revision += 1;
    return true;
  }

  archive(name, version) {
    return this.get(name)?.versions.get(version)?.archive;
  }

  line(name, version) {
    return this.get(name)?.versions.get(version)?.line;
  }

  /** The file of the index at this path, as bytes, and when it last changed. */
  document(path) {
    const entry = [...this.#crates.values()].find(({ name }) => indexPath(name) === path);
    if (!entry) return undefined;
    const lines = [...entry.versions.values()].map(({ line }) => `${JSON.stringify(line)}\n`);
    // Every change is a minute younger than the one before, so that Last-Modified moves without a wall clock.
    const modified = new Date(EPOCH + 365 * DAY + entry.revision * 60_000).toISOString();
    return { bytes: Buffer.from(lines.join("")), modified };
  }
}

function line(name, version, described, archive) {
  const { deps = {}, features = {}, features2, yanked = false, links = null, rustVersion, time } = described;
  return {
    name,
    vers: version,
    deps: Object.entries(deps).map(([key, dependency]) => dependencyLine(key, dependency)),
    cksum: createHash("sha256").update(archive).digest("hex"),
    features,
    yanked,
    ...(links !== null && { links }),
    ...(features2 && { features2, v: 2 }),
    ...(rustVersion && { rust_version: rustVersion }),
    pubtime: time,
  };
}

function described(dependency) {
  return typeof dependency === "string" ? { req: dependency } : dependency;
}

function dependencyLine(name, dependency) {
  const { req, features = [], optional = false, defaultFeatures = true, target = null, kind = "normal", ...rest } = described(dependency);
  const line = { name, req, features, optional, default_features: defaultFeatures, target, kind };
  if (rest.registry) line.registry = rest.registry;
  if (rest.package) line.package = rest.package;
  return line;
}

/** A `.crate`: a library that names itself and uses what it depends on; `links` brings a build script along. */
export function crate(name, version, { files = {}, ballast = 0, ...manifest } = {}) {
  const folder = `${name}-${version}`;
  const library = `pub const VERSION: &str = ${JSON.stringify(`${name} ${version}`)};\n`;
  const whole = {
    "Cargo.toml": manifestText(name, version, manifest),
    "src/lib.rs": library,
    ...(manifest.links && { "build.rs": "fn main() {}\n" }),
    ...(ballast && { "ballast.bin": noise(ballast, name.length) }),
    ...files,
  };
  const placed = Object.entries(whole).map(([path, content]) => [`${folder}/${path}`, content]);
  return tarball(Object.fromEntries(placed));
}

function manifestText(name, version, { deps = {}, features = {}, features2 = {}, links, rustVersion }) {
  const table = (entries) => entries.filter(([, value]) => value !== undefined).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  const head = { name, version, edition: "2021", description: `scripted ${name}`, license: "MIT", links, "rust-version": rustVersion };
  const lines = ["[package]", ...table(Object.entries(head))];
  lines.push("", "[features]", ...table(Object.entries({ ...features, ...features2 })));
  for (const [key, dependency] of Object.entries(deps)) lines.push("", ...dependencyTable(key, described(dependency)));
  return `${lines.join("\n")}\n`;
}

const KINDS = { normal: "dependencies", dev: "dev-dependencies", build: "build-dependencies" };

function dependencyTable(key, { req, features, optional, defaultFeatures, target, kind = "normal", package: real }) {
  const section = target ? `target.${JSON.stringify(target)}.${KINDS[kind]}` : KINDS[kind];
  const table = { version: req, features, optional, "default-features": defaultFeatures, package: real };
  const written = Object.entries(table).filter(([, value]) => value !== undefined);
  return [`[${section}.${key}]`, ...written.map(([name, value]) => `${name} = ${JSON.stringify(value)}`)];
}
