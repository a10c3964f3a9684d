// The projects of a scripted Python index: built from short descriptions, with real wheels and source archives that
// build without the network, and changeable while the index runs. No HTTP here (pypi.mjs has that).

import { createHash } from "node:crypto";

import { tarball, zip } from "./archive.mjs";

const DAY = 86_400_000;
// Old enough for every client's age gate; a version's n-th publication is n days later.
const EPOCH = Date.parse("2024-01-01T00:00:00.000Z");

/** A name as the index compares it (PEP 503). */
export const normalized = (name) => name.toLowerCase().replace(/[-_.]+/g, "-");

const sha256 = (bytes, encoding = "hex") => createHash("sha256").update(bytes).digest(encoding);

export class Projects {
  #projects = new Map();

  names() {
    return [...this.#projects.keys()];
  }

  /** `{ name, versions, files, tracks, status, revision }`, by a name in any spelling. */
  get(name) {
    return this.#projects.get(normalized(name));
  }

  /**
   * Adds a project: `{ name, versions: { "1.0": version } }`, where a version is `{ requires, extras, requiresPython,
   * yanked, time, kinds, tags, modules, provenance, metadata }`. `kinds` are "wheel" and "sdist" (both by default),
   * `tags` the wheels' ("py3-none-any"), `modules` more files, `metadata: false` leaves PEP 658 out.
   */
  add({ name, versions, ...about }) {
    const entry = { name, about, versions: new Map(), files: [], revision: 0, pages: {} };
    this.#projects.set(normalized(name), entry);
    for (const [version, described] of Object.entries(versions)) this.publish(name, version, described);
    return entry;
  }

  /** Publishes one more version, or more files of one, at run time. */
  publish(name, version, described = {}) {
    const entry = this.get(name) ?? this.add({ name, versions: {} });
    const { kinds = ["wheel", "sdist"], tags = ["py3-none-any"] } = described;
    const time = described.time ?? new Date(EPOCH + entry.versions.size * DAY).toISOString();
    const wanted = kinds.flatMap((kind) => (kind === "wheel" ? tags.map((tag) => ({ kind, tag })) : [{ kind }]));
    for (const one of wanted) entry.files.push(this.#file(entry, version, { ...described, time }, one));
    if (!entry.versions.has(version)) entry.versions.set(version, described);
    this.#touch(entry);
    return entry.files.filter((file) => file.version === version);
  }

  /** `reason` is a text, `true`, or `false` to take the yank back. */
  yank(name, version, reason = true) {
    const entry = this.get(name);
    for (const file of entry.files) if (file.version === version) file.yanked = reason;
    this.#touch(entry);
  }

  /** Removes a version with its files, or the whole project. */
  remove(name, version) {
    const entry = this.get(name);
    if (version === undefined) return this.#projects.delete(normalized(name));
    entry.files = entry.files.filter((file) => file.version !== version);
    entry.versions.delete(version);
    return this.#touch(entry);
  }

  /** A project whose JSON page weighs about `megabytes`: many wheels of many versions, as numpy has. */
  addHuge(name, { megabytes = 1, requiresPython = ">=3.9" } = {}) {
    const entry = this.add({ name, versions: {} });
    const count = Math.ceil((megabytes * 1e6) / 560);
    for (let index = 0; index < count; index += 1) entry.files.push(listedOnly(name, index, requiresPython));
    for (const { version } of entry.files) entry.versions.set(version, {});
    this.#touch(entry);
    return entry;
  }

  /** A file by its name, with `{ bytes, metadata, hashes }`. */
  file(filename) {
    for (const entry of this.#projects.values()) {
      const file = entry.files.find((candidate) => candidate.filename === filename);
      if (file) return file;
    }
    return undefined;
  }

  /** The file of a version, a wheel if there is one. */
  archive(name, version, kind = "wheel") {
    return this.get(name)?.files.find((file) => file.version === version && file.kind === kind);
  }

  modified(entry) {
    // Every change is a minute younger than the one before, so that Last-Modified moves without a wall clock.
    return new Date(EPOCH + 365 * DAY + entry.revision * 60_000).toISOString();
  }

  #file(entry, version, described, { kind, tag }) {
    const built = kind === "wheel" ? wheel(entry.name, version, described, tag) : sdist(entry.name, version, described);
    const metadata = kind === "wheel" && described.metadata !== false ? built.metadata : undefined;
    return {
      project: normalized(entry.name),
      version,
      kind,
      filename: built.filename,
      bytes: built.bytes,
      metadata,
      sha256: sha256(built.bytes),
      size: built.bytes.length,
      time: described.time,
      requiresPython: described.requiresPython,
      yanked: described.yanked ?? false,
      provenance: Boolean(described.provenance),
    };
  }

  #touch(entry) {
    entry.revision += 1;
    entry.pages = {};
  }
}

/** A file that pages list and nobody downloads: ballast for large pages. */
function listedOnly(name, index, requiresPython) {
  const version = `${1 + Math.floor(index / 600)}.${Math.floor((index % 600) / 30)}.0`;
  const tag = `cp3${8 + (index % 6)}-cp3${8 + (index % 6)}-manylinux_2_${17 + (index % 30)}_x86_64.manylinux2014_x86_64`;
  return {
    project: normalized(name),
    version,
    kind: "wheel",
    filename: `${name.replaceAll("-", "_")}-${version}-${tag}.whl`,
    bytes: Buffer.alloc(0),
    metadata: Buffer.from(`${name} ${version} ${tag}`),
    sha256: sha256(`${name} ${index}`),
    size: 18_000_000 + index,
    time: new Date(EPOCH + index * 3_600_000).toISOString(),
    requiresPython,
    yanked: false,
    provenance: false,
  };
}

/** Core metadata as build tools of today write it. */
export function coreMetadata(name, version, { requires = [], extras = {}, requiresPython, summary, metadataVersion = "2.4" } = {}) {
  const optional = Object.entries(extras).flatMap(([extra, list]) => [
    `Provides-Extra: ${extra}`,
    ...list.map((one) => `Requires-Dist: ${one} ; extra == '${extra}'`),
  ]);
  const lines = [
    `Metadata-Version: ${metadataVersion}`,
    `Name: ${name}`,
    `Version: ${version}`,
    `Summary: ${summary ?? `scripted ${name}`}`,
    ...(requiresPython ? [`Requires-Python: ${requiresPython}`] : []),
    ...requires.map((one) => `Requires-Dist: ${one}`),
    ...optional,
    "Description-Content-Type: text/markdown",
    "",
    `# ${name}`,
    "",
  ];
  return Buffer.from(lines.join("\n"));
}

/** A wheel: `{ filename, bytes, metadata }`; its module has the project's name and a `__version__`. */
export function wheel(name, version, described = {}, tag = "py3-none-any") {
  const stem = name.replace(/[-_.]+/g, "_").toLowerCase();
  const info = `${stem}-${version}.dist-info`;
  const metadata = coreMetadata(name, version, described);
  const pure = tag.endsWith("-any");
  const files = {
    ...modules(stem, name, version, described),
    [`${info}/METADATA`]: metadata,
    [`${info}/WHEEL`]: `Wheel-Version: 1.0\nGenerator: scripted\nRoot-Is-Purelib: ${pure}\nTag: ${tag}\n`,
  };
  const record = Object.entries(files).map(([path, content]) => `${path},${recorded(content)}`);
  files[`${info}/RECORD`] = `${[...record, `${info}/RECORD,,`].join("\n")}\n`;
  return { filename: `${stem}-${version}-${tag}.whl`, bytes: zip(files), metadata };
}

function recorded(content) {
  const bytes = Buffer.from(content);
  return `sha256=${sha256(bytes, "base64url")},${bytes.length}`;
}

function modules(stem, name, version, { modules: more = {} }) {
  return { [`${stem}/__init__.py`]: `__version__ = ${JSON.stringify(version)}\nhere = ${JSON.stringify(name)}\n`, ...more };
}

/** A source archive that carries its own build backend, so that building it needs nothing else. */
export function sdist(name, version, described = {}) {
  const stem = name.replace(/[-_.]+/g, "_").toLowerCase();
  const folder = `${stem}-${version}`;
  const metadata = coreMetadata(name, version, described);
  const files = {
    ...modules(stem, name, version, described),
    "PKG-INFO": metadata,
    "pyproject.toml": `[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n`,
    "backend.py": BACKEND.replace("@STEM@", stem).replace("@VERSION@", version),
  };
  const placed = Object.entries(files).map(([path, content]) => [`${folder}/${path}`, content]);
  return { filename: `${folder}.tar.gz`, bytes: tarball(Object.fromEntries(placed)), metadata };
}

const BACKEND = `import os, zipfile

STEM, VERSION = "@STEM@", "@VERSION@"

def build_wheel(folder, config_settings=None, metadata_directory=None):
    info = f"{STEM}-{VERSION}.dist-info"
    name = f"{STEM}-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        names = []
        for file in sorted(os.listdir(STEM)):
            if file.endswith(".py"):
                wheel.write(os.path.join(STEM, file), f"{STEM}/{file}")
                names.append(f"{STEM}/{file}")
        wheel.write("PKG-INFO", f"{info}/METADATA")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nGenerator: scripted\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        names += [f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD"]
        wheel.writestr(f"{info}/RECORD", "".join(f"{one},,\\n" for one in names))
    return name
`;
