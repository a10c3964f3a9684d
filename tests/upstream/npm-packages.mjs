// The packages of a scripted npm registry: built from short descriptions, with real archives, digests and signatures,
// and changeable while the registry runs. No HTTP here (npm.mjs has that).

import { createHash, generateKeyPairSync, sign } from "node:crypto";

import { tarball } from "./archive.mjs";

const DAY = 86_400_000;
// Old enough for every client's age gate; a version's n-th publication is n days later.
const EPOCH = Date.parse("2024-01-01T00:00:00.000Z");

// What the registry keeps in `application/vnd.npm.install-v1+json`: the fields an installer needs.
const ABBREVIATED = [
  "name", "version", "dependencies", "devDependencies", "optionalDependencies", "peerDependencies",
  "peerDependenciesMeta", "bundleDependencies", "acceptDependencies", "bin", "directories", "dist", "engines", "os",
  "cpu", "libc", "deprecated", "funding", "hasInstallScript", "_hasShrinkwrap",
];

export class Packages {
  #packages = new Map();
  #base;
  #tarballBase;
  #signer = new Signer();

  /** `base()` is the registry's address; `tarballBase()` another one for archives, where the two differ. */
  constructor(base, tarballBase = base) {
    this.#base = base;
    this.#tarballBase = tarballBase;
  }

  get keys() {
    return this.#signer.keys;
  }

  names() {
    return [...this.#packages.keys()];
  }

  get(name) {
    return this.#packages.get(name);
  }

  /**
   * Adds a package: `{ name, versions: { "1.0.0": version }, tags, description, keywords, readme, maintainers }`, where a
   * version is `{ dependencies, bin, files, deprecated, time, attested, unsigned, ... }`; every key that is not the
   * registry's own business goes into its package.json. `latest` defaults to the last version described.
   */
  add({ name, versions, tags = {}, ...about }) {
    const entry = {
      name,
      about,
      versions: new Map(),
      tags: { latest: Object.keys(versions).at(-1), ...tags },
      time: {},
      revision: 0,
      documents: {},
    };
    this.#packages.set(name, entry);
    for (const [version, described] of Object.entries(versions)) this.publish(name, version, described, { tag: null });
    return entry;
  }

  /** Publishes one more version at run time, and points `tag` at it. */
  publish(name, version, described = {}, { tag = "latest" } = {}) {
    const entry = this.#packages.get(name) ?? this.add({ name, versions: {} });
    const { files = {}, archive, deprecated, time, attested, unsigned, ...manifest } = described;
    const packageJson = { name, version, description: entry.about.description ?? `scripted ${name}`, ...manifest };
    const built = { manifest: packageJson, files, archive, deprecated, attested, unsigned };
    entry.time[version] = time ?? new Date(EPOCH + entry.versions.size * DAY).toISOString();
    entry.versions.set(version, built);
    if (tag) entry.tags[tag] = version;
    this.#touch(entry);
    return built;
  }

  deprecate(name, version, message) {
    const entry = this.#packages.get(name);
    entry.versions.get(version).deprecated = message || undefined;
    this.#touch(entry);
  }

  tag(name, tag, version) {
    const entry = this.#packages.get(name);
    if (version === undefined) delete entry.tags[tag];
    else entry.tags[tag] = version;
    this.#touch(entry);
  }

  /** Removes a version with its bytes, or the whole package. Its publish time stays, as on the real registry. */
  remove(name, version) {
    const entry = this.#packages.get(name);
    if (version === undefined) return this.#packages.delete(name);
    entry.versions.delete(version);
    for (const [tag, target] of Object.entries(entry.tags)) if (target === version) delete entry.tags[tag];
    entry.tags.latest ??= [...entry.versions.keys()].at(-1);
    return this.#touch(entry);
  }

  /** A package whose full packument weighs at least `megabytes`: thousands of versions, as some real ones have. */
  addHuge(name, { versions = 3_000, megabytes = 20 } = {}) {
    const ballast = "x".repeat(Math.ceil((megabytes * 1e6) / versions));
    const described = {};
    for (let patch = 0; patch < versions; patch += 1) described[`1.0.${patch}`] = { ballast };
    return this.add({ name, versions: described });
  }

  /** The archive of a version. */
  archive(name, version) {
    return this.#built(name, version)?.archive;
  }

  /** The packument, as bytes, and when it last changed. */
  document(name, { abbreviated = false } = {}) {
    const entry = this.#packages.get(name);
    if (!entry) return undefined;
    const form = abbreviated ? "abbreviated" : "full";
    entry.documents[form] ??= Buffer.from(JSON.stringify(this.#packument(entry, abbreviated)));
    return { bytes: entry.documents[form], modified: this.#modified(entry) };
  }

  /** One version's manifest, by number or tag. */
  manifest(name, wanted, { abbreviated = false } = {}) {
    const entry = this.#packages.get(name);
    const version = entry?.tags[wanted] ?? wanted;
    const built = this.#built(name, version);
    if (!built) return undefined;
    const { manifest, deprecated, dist } = built;
    const whole = { ...manifest, _id: `${name}@${version}`, dist, ...(deprecated && { deprecated }) };
    if (!abbreviated) return { ...whole, maintainers: this.#maintainers(entry), _npmVersion: "11.0.0" };
    return Object.fromEntries(ABBREVIATED.filter((key) => key in whole).map((key) => [key, whole[key]]));
  }

  #packument(entry, abbreviated) {
    const { name, about, tags } = entry;
    const manifests = [...entry.versions.keys()].map((version) => [
      version,
      this.manifest(name, version, { abbreviated }),
    ]);
    const shared = { name, "dist-tags": tags, versions: Object.fromEntries(manifests) };
    const modified = this.#modified(entry);
    if (abbreviated) return { ...shared, modified };
    const created = Object.values(entry.time).sort()[0] ?? modified;
    return {
      _id: name,
      _rev: `${entry.revision}-${createHash("md5").update(name).digest("hex")}`,
      ...shared,
      time: { created, modified, ...entry.time },
      readme: about.readme ?? `# ${name}\n`,
      readmeFilename: "README.md",
      ...about,
      maintainers: this.#maintainers(entry),
    };
  }

  #maintainers(entry) {
    return entry.about.maintainers ?? [{ name: "stub", email: "stub@example.com" }];
  }

  #modified(entry) {
    // Every change is a minute younger than the one before, so that Last-Modified moves without a wall clock.
    return new Date(EPOCH + 365 * DAY + entry.revision * 60_000).toISOString();
  }

  #touch(entry) {
    entry.revision += 1;
    entry.documents = {};
  }

  /** A version with archive and dist; both are made when first asked for. */
  #built(name, version) {
    const built = this.#packages.get(name)?.versions.get(version);
    if (!built || built.dist) return built;
    const { manifest, files } = built;
    const packed = { "index.js": `module.exports = ${JSON.stringify(`${name}@${version}`)};\n`, ...files };
    const { ballast, ...packageJson } = manifest;
    const paths = Object.entries({ ...packed, "package.json": `${JSON.stringify(packageJson, null, 2)}\n` });
    built.archive ??= tarball(Object.fromEntries(paths.map(([path, content]) => [`package/${path}`, content])));
    built.dist = this.#dist(built, name, version, paths);
    return built;
  }

  #dist({ archive, attested, unsigned }, name, version, paths) {
    const integrity = `sha512-${createHash("sha512").update(archive).digest("base64")}`;
    const file = `${name.split("/").at(-1)}-${version}.tgz`;
    const attestations = {
      url: `${this.#base()}-/npm/v1/attestations/${name.replace("/", "%2f")}@${version}`,
      provenance: { predicateType: "https://slsa.dev/provenance/v1" },
    };
    return {
      integrity,
      shasum: createHash("sha1").update(archive).digest("hex"),
      tarball: `${this.#tarballBase()}${name}/-/${file}`,
      fileCount: paths.length,
      unpackedSize: paths.reduce((sum, [, content]) => sum + Buffer.byteLength(content.content ?? content), 0),
      ...(!unsigned && { signatures: [this.#signer.sign(`${name}@${version}:${integrity}`)] }),
      ...(attested && { attestations }),
    };
  }
}

/** Signs as the registry does: ECDSA P-256 over `name@version:integrity`, the public key at `/-/npm/v1/keys`. */
class Signer {
  #privateKey;

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const key = publicKey.export({ type: "spki", format: "der" });
    this.#privateKey = privateKey;
    this.keyid = `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
    const scheme = "ecdsa-sha2-nistp256";
    this.keys = [{ expires: null, keyid: this.keyid, keytype: scheme, scheme, key: key.toString("base64") }];
  }

  sign(message) {
    return { keyid: this.keyid, sig: sign("sha256", Buffer.from(message), this.#privateKey).toString("base64") };
  }
}
