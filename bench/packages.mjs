// Packages of known size for a scripted registry, the same on every machine.
import { noise } from "../tests/upstream/archive.mjs";

/** A package whose full document has about 400 KB, of the sort that registries are full of. */
export function addLargeListing(packages, name) {
  const versions = {};
  for (let index = 0; index < 212; index += 1) {
    versions[`${1 + Math.floor(index / 60)}.${Math.floor((index % 60) / 5)}.${index % 5}`] = manifest(name, index);
  }
  packages.add({ name, versions, readme: prose(4_000), keywords: ["benchmark", "listing"], license: "MIT" });
  return packages.document(name).bytes.length;
}

function manifest(name, index) {
  const dependencies = {};
  for (let other = 0; other < 18; other += 1) dependencies[`${name}-part-${other}`] = `^${1 + (index >> 5)}.${index % 7}.${other}`;
  return {
    description: "A package with as many versions as a popular one has, and the manifest that such a package has",
    license: "MIT",
    main: "./dist/index.cjs",
    module: "./dist/index.mjs",
    exports: { ".": { import: "./dist/index.mjs", require: "./dist/index.cjs" }, "./package.json": "./package.json" },
    repository: { type: "git", url: `git+ssh://git@git.invalid/${name}.git` },
    bugs: { url: `https://git.invalid/${name}/issues` },
    scripts: { build: "rollup -c", test: "node --test", prepublishOnly: "npm run build && npm test" },
    engines: { node: ">=18" },
    gitHead: noise(20, index + 1).toString("hex"),
    dependencies,
  };
}

function prose(length) {
  const words = noise(length, 7).toString("latin1").replace(/[^a-z]+/gi, " ");
  return `# Read me\n\n${words.repeat(4).slice(0, length)}`;
}

/** A package of one version whose archive has about that many bytes. */
export function addArchive(packages, name, bytes) {
  packages.add({ name, versions: { "1.0.0": { files: { "ballast.bin": noise(bytes - 400, name.length + bytes) } } } });
  return packages.archive(name, "1.0.0").length;
}

/** Where a version's archive is. */
export function archivePath(name, version = "1.0.0") {
  return `${name}/-/${name}-${version}.tgz`;
}

/** An upstream as users add one, fresh for as long as a run takes, as it is for the peers. */
export function source({ url, port, protocol = "npm" }) {
  return { name: `upstream-${port}`, protocol, location: url, upstreamSourceType: "public", freshnessSeconds: 3600 };
}
