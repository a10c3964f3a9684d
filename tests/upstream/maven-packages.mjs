// The artifacts of a scripted Maven repository: built from short descriptions, with POMs, jars, sources, signatures and
// Gradle module metadata, and changeable while the repository runs. No HTTP here (maven.mjs has that).

import { createHash } from "node:crypto";

import { noise, zip } from "./archive.mjs";

const DAY = 86_400_000;
// A version's n-th publication is n days later.
const EPOCH = Date.parse("2024-01-01T00:00:00.000Z");
const POM = "http://maven.apache.org/POM/4.0.0";

/** `{ group, artifact }` of `group:artifact`. */
export function coordinates(name) {
  const [group, artifact] = name.split(":");
  return { group, artifact };
}

/** The folder of a package, or of one of its versions, below the root. */
export function folder(name, version) {
  const { group, artifact } = coordinates(name);
  return [...group.split("."), artifact, ...(version ? [version] : [])].join("/");
}

/** The name of a file of a version. */
export function fileName(name, version, { classifier, extension = "jar" } = {}) {
  return `${coordinates(name).artifact}-${version}${classifier ? `-${classifier}` : ""}.${extension}`;
}

export const digest = (algorithm, bytes) => createHash(algorithm).update(bytes).digest("hex");

export class Artifacts {
  #packages = new Map();

  names() {
    return [...this.#packages.keys()];
  }

  /** `{ name, versions, prefix, revision }`. */
  get(name) {
    return this.#packages.get(name);
  }

  /**
   * Adds a package: `{ name: "group:artifact", versions: { "1.0": version }, prefix }`, where a version is `{ deps,
   * managed, packaging, parent, modules, files, jar, classifiers, module, signed, time, building, ballast }`. `deps` are
   * "group:artifact:version", or `{ id, scope, type, classifier, optional }`; `files` go into the jar, `jar` replaces it;
   * `building` is how often a file is not found before the version is there; `prefix` makes plugins of its versions.
   */
  add({ name, versions, prefix }) {
    const entry = { name, prefix, versions: new Map(), revision: 0 };
    this.#packages.set(name, entry);
    for (const [version, described] of Object.entries(versions)) this.publish(name, version, described);
    return entry;
  }

  /** Publishes one more version at run time. */
  publish(name, version, described = {}) {
    const entry = this.get(name) ?? this.add({ name, versions: {} });
    const packaging = described.packaging ?? (entry.prefix ? "maven-plugin" : "jar");
    const time = described.time ?? new Date(EPOCH + entry.versions.size * DAY).toISOString();
    const files = versionFiles(name, version, { ...described, packaging });
    entry.versions.set(version, { version, files, time, building: described.building ?? 0 });
    entry.revision += 1;
    return entry.versions.get(version);
  }

  remove(name, version) {
    if (version === undefined) return this.#packages.delete(name);
    this.get(name).revision += 1;
    return this.get(name).versions.delete(version);
  }

  /** The bytes of a file of a version: the jar, or what `about` says. */
  archive(name, version, about) {
    return this.get(name)?.versions.get(version)?.files.get(fileName(name, version, about));
  }

  /** `{ bytes, time, version }` of the file at this path; counts down what a version still takes to build. */
  file(path) {
    const parts = path.split("/");
    const [version, artifact, ...group] = parts.slice(0, -1).reverse();
    const found = this.get(`${group.reverse().join(".")}:${artifact}`)?.versions.get(version);
    if (!found) return undefined;
    if (found.building > 0) {
      found.building -= 1;
      return undefined;
    }
    const bytes = found.files.get(parts.at(-1));
    return bytes && { bytes, time: found.time, version };
  }

  /** `{ text, time }` of the `maven-metadata.xml` in this folder: of an artifact, of a group's plugins, or none. */
  metadata(path) {
    const parts = path.split("/");
    const entry = this.get(`${parts.slice(0, -1).join(".")}:${parts.at(-1)}`);
    if (entry?.versions.size) return { text: artifactMetadata(entry), time: this.modified(entry) };
    const plugins = [...this.#packages.values()].filter(({ name, prefix }) => prefix && coordinates(name).group === parts.join("."));
    return plugins.length ? { text: groupMetadata(plugins), time: this.modified(plugins[0]) } : undefined;
  }

  /** What an archetype generator looks for. */
  archetypes() {
    const lines = this.names().flatMap((name) => {
      const { group, artifact } = coordinates(name);
      const versions = [...this.get(name).versions.keys()].filter(() => /-archetype/.test(artifact));
      return versions.map((version) => `    <archetype>${gav(`${group}:${artifact}:${version}`)}</archetype>\n`);
    });
    return `<?xml version="1.0" encoding="UTF-8"?>\n<archetype-catalog>\n  <archetypes>\n${lines.join("")}  </archetypes>\n</archetype-catalog>\n`;
  }

  modified(entry) {
    // Every change is a minute younger than the one before, so that Last-Modified moves without a wall clock.
    return new Date(EPOCH + 365 * DAY + entry.revision * 60_000).toISOString();
  }
}

function versionFiles(name, version, described) {
  const files = new Map();
  const keep = (bytes, about) => files.set(fileName(name, version, about), Buffer.from(bytes));
  keep(pom(name, version, described), { extension: "pom" });
  if (described.packaging !== "pom") keep(described.jar ?? jar(name, version, described), { extension: "jar" });
  for (const classifier of described.classifiers ?? []) keep(jar(name, version, { files: { [classifier]: `${name} ${version}\n` } }), { classifier });
  if (described.module) keep(moduleMetadata(name, version, files), { extension: "module" });
  if (described.signed) for (const [file, bytes] of [...files]) files.set(`${file}.asc`, Buffer.from(signature(bytes)));
  return files;
}

/** A jar with a manifest, properties and these files; not a class in it unless it is given. */
export function jar(name, version, { files = {}, ballast = 0 } = {}) {
  const { group, artifact } = coordinates(name);
  return zip({
    "META-INF/MANIFEST.MF": `Manifest-Version: 1.0\r\nImplementation-Version: ${version}\r\n\r\n`,
    [`META-INF/maven/${group}/${artifact}/pom.properties`]: `groupId=${group}\nartifactId=${artifact}\nversion=${version}\n`,
    ...(ballast && { "ballast.bin": noise(ballast, artifact.length) }),
    ...files,
  });
}

/** The POM of a version; `about` is what `Artifacts.add` takes, and `inner` goes in as it is. */
export function pom(name, version, { deps = [], managed = [], packaging = "jar", parent, modules = [], module, inner = "" } = {}) {
  const { group, artifact } = coordinates(name);
  const head = parent ? `  <parent>${gav(parent)}</parent>\n` : "";
  const own = `  <groupId>${group}</groupId>\n  <artifactId>${artifact}</artifactId>\n  <version>${version}</version>\n  <packaging>${packaging}</packaging>\n`;
  const section = (tag, lines) => (lines.length ? `  <${tag}>\n${lines.join("")}  </${tag}>\n` : "");
  const needed = section("dependencies", deps.map(dependency));
  const steered = managed.length ? `  <dependencyManagement>\n${section("dependencies", managed.map(dependency))}  </dependencyManagement>\n` : "";
  const listed = section("modules", modules.map((one) => `    <module>${one}</module>\n`));
  // Gradle looks for module metadata where a POM says that it was published with it.
  const marker = module ? "  <!-- do_not_remove: published-with-gradle-metadata -->\n" : "";
  return `<?xml version="1.0" encoding="UTF-8"?>\n<project xmlns="${POM}">\n${marker}  <modelVersion>4.0.0</modelVersion>\n${head}${own}${listed}${steered}${needed}${inner}</project>\n`;
}

function gav(id) {
  const [group, artifact, version] = id.split(":");
  return `<groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>`;
}

function dependency(described) {
  const { id, ...rest } = typeof described === "string" ? { id: described } : described;
  const more = Object.entries(rest).map(([key, value]) => `<${key}>${value}</${key}>`);
  return `    <dependency>${gav(id)}${more.join("")}</dependency>\n`;
}

function moduleMetadata(name, version, files) {
  const { group, artifact } = coordinates(name);
  const file = fileName(name, version);
  const bytes = files.get(file);
  const described = bytes ? [{ name: file, url: file, size: bytes.length, sha1: digest("sha1", bytes), sha256: digest("sha256", bytes) }] : [];
  const attributes = { "org.gradle.category": "library", "org.gradle.usage": "java-runtime" };
  const variants = [{ name: "runtimeElements", attributes, files: described }];
  return JSON.stringify({ formatVersion: "1.1", component: { group, module: artifact, version }, variants });
}

function signature(bytes) {
  const body = Buffer.from(`scripted signature of ${digest("sha256", bytes)}`).toString("base64");
  return `-----BEGIN PGP SIGNATURE-----\n\n${body}\n-----END PGP SIGNATURE-----\n`;
}

function artifactMetadata({ name, versions }) {
  const { group, artifact } = coordinates(name);
  const numbers = [...versions.keys()];
  const releases = numbers.filter((version) => !version.endsWith("-SNAPSHOT"));
  const release = releases.length ? `    <release>${releases.at(-1)}</release>\n` : "";
  const listed = numbers.map((version) => `      <version>${version}</version>\n`).join("");
  const updated = [...versions.values()].at(-1).time.replace(/\D/g, "").slice(0, 14);
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n<metadata>\n  <groupId>${group}</groupId>\n  <artifactId>${artifact}</artifactId>\n  <versioning>\n` +
    `    <latest>${numbers.at(-1)}</latest>\n${release}    <versions>\n${listed}    </versions>\n    <lastUpdated>${updated}</lastUpdated>\n  </versioning>\n</metadata>\n`
  );
}

function groupMetadata(plugins) {
  const line = ({ name, prefix }) => `    <plugin><name>${name}</name><prefix>${prefix}</prefix><artifactId>${coordinates(name).artifact}</artifactId></plugin>\n`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<metadata>\n  <plugins>\n${plugins.map(line).join("")}  </plugins>\n</metadata>\n`;
}
