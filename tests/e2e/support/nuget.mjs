// NuGet's clients under test, both on Mono: nuget.exe 5.8, which speaks v3, and 2.8, which knows OData only. Mono and 2.8
// come from Debian's packages, 5.8 from npm (../package.json).

import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";

import { noDebianProgram } from "../../../tools/debian.mjs";
import { nuspec } from "../../upstream/nuget-packages.mjs";
import { clientsFolder } from "./clients.mjs";
import { Workspace } from "./workspace.mjs";

const MONO = "/usr/bin/mono";
const OLD = "/usr/lib/nuget/NuGet.exe";
// `nuget` brings Mono with it, but not all that 5.8 is linked with.
const PACKAGES = ["nuget", "libmono-system-net-http4.0-cil", "libmono-system-io-compression4.0-cil"];
const USER = "edgefeed";

/** 5.8: service index, registrations, flat container. */
export const nuget5 = {
  name: "nuget-5",
  command: () => [MONO, join(clientsFolder(), "nuget-exe", "nuget-5.8.0.exe")],
  root: "v3/index.json",
};

/** 2.8: OData. */
export const nuget2 = { name: "nuget-2", command: () => [MONO, OLD], root: "v2/" };

export const nugetClients = [nuget5, nuget2];

/** Why NuGet's clients cannot run here (for the `skip` of their tests), or false. */
export function missing() {
  return noDebianProgram(OLD, PACKAGES);
}

/** A project and a NuGet.Config with one source, called `feed`. */
export class NugetWorkspace extends Workspace {
  /** `source` is what stands in the configuration; `token` may be left out. */
  static async create(client, { source, token }) {
    const workspace = await NugetWorkspace.open({ client, source, token });
    await workspace.configure({});
    return workspace;
  }

  /** Points the project at another source or token, in the middle of its life. */
  async configure(about) {
    Object.assign(this, about);
    const source = `<packageSources><clear /><add key="feed" value="${this.source}" /></packageSources>`;
    const settings = [["Username", USER], ["ClearTextPassword", this.token]].map(([key, value]) => `<add key="${key}" value="${value}" />`);
    const credentials = this.token ? `<packageSourceCredentials><feed>${settings.join("")}</feed></packageSourceCredentials>` : "";
    // Without it 5.8 writes a configuration of its own and adds the public gallery.
    await this.write("NuGet.Config", `<?xml version="1.0" encoding="utf-8"?>\n<configuration>${source}${credentials}</configuration>\n`);
    await this.#userConfiguration();
  }

  async #userConfiguration() {
    await this.write("../home/.config/NuGet/NuGet.Config", '<?xml version="1.0" encoding="utf-8"?>\n<configuration><packageSources><clear /></packageSources></configuration>\n');
  }

  environment() {
    return { NUGET_PACKAGES: join(this.home, "packages"), MONO_XMLSERIALIZER_THS: "no", TMPDIR: join(this.root, "home") };
  }

  /** Installs a package and what it needs into `packages/`. */
  install(id, version, ...args) {
    return this.must([...this.installing(id, version), ...args]);
  }

  installing(id, version) {
    return ["install", id, ...(version ? ["-Version", version] : []), "-OutputDirectory", "packages", ...this.#common()];
  }

  /** Restores a packages.config of `{ id: version }`. */
  async restore(packages, ...args) {
    const lines = Object.entries(packages).map(([id, version]) => `<package id="${id}" version="${version}" targetFramework="net461" />`);
    await this.write("packages.config", `<?xml version="1.0" encoding="utf-8"?>\n<packages>${lines.join("")}</packages>\n`);
    return this.must(["restore", "packages.config", "-PackagesDirectory", "packages", ...this.#common(), ...args]);
  }

  /** Packs what `Gallery.add` takes for a version; returns the file's name. */
  async pack(id, version, { files = {}, ...about } = {}) {
    const content = { [`lib/net40/${id}.dll`]: `not really a library: ${id} ${version}\n`, ...files };
    for (const [path, text] of Object.entries(content)) await this.write(`src/${path}`, text);
    const lines = Object.keys(content).map((path) => `<file src="${path}" target="${dirname(path)}" />`);
    await this.write(`src/${id}.nuspec`, nuspec(id, version, about).replace(/(?=<\/package>$)/, `<files>${lines.join("")}</files>`));
    await this.must(["pack", `src/${id}.nuspec`, "-BasePath", "src", "-OutputDirectory", ".", "-NoPackageAnalysis", "-NonInteractive"]);
    return readdirSync(this.project).find((name) => name.startsWith(`${id}.`) && name.endsWith(".nupkg"));
  }

  push(file, ...args) {
    return this.must(this.pushing(file, ...args));
  }

  pushing(file, ...args) {
    return ["push", file, "-Source", this.source, "-ApiKey", this.token ?? "none", ...this.#common(), ...args];
  }

  #common() {
    return ["-NonInteractive", "-Verbosity", "detailed", "-ConfigFile", join(this.project, "NuGet.Config")];
  }

  /** `{ id: version }` of all that lies in `packages/`. */
  installed() {
    const folder = join(this.project, "packages");
    const names = existsSync(folder) ? readdirSync(folder) : [];
    const found = names.map((name) => /^(.+?)\.(\d.*)$/.exec(name)).filter(Boolean);
    return Object.fromEntries(found.map(([, id, version]) => [id, version]));
  }

  /** Forgets what was installed and cached. */
  async clear() {
    await super.clear("packages");
    await this.#userConfiguration();
  }
}

/** The address of a resource in a feed's service index. */
export async function resource(feed, type, options) {
  const { resources } = await feed.json("v3/index.json", options);
  const found = resources.find((one) => one["@type"] === type);
  if (!found) throw new Error(`no ${type} in ${resources.map((one) => one["@type"]).join(", ")}`);
  return found["@id"];
}

/** The path of a resource, for `feed.fetch`, with what comes below it. */
export async function resourcePath(feed, type, rest = "", { view, ...options } = {}) {
  const address = await resource(feed, type, { view, ...options });
  const root = feed.registry(view);
  if (!address.startsWith(root)) throw new Error(`${address} is not below ${root}`);
  return address.slice(root.length) + rest;
}

/** The versions that the flat container has of a package; none if it does not know it. */
export async function flatVersions(feed, id, options) {
  const path = await resourcePath(feed, "PackageBaseAddress/3.0.0", `${id.toLowerCase()}/index.json`, options);
  const answer = await feed.fetch(path, options);
  if (answer.status === 404) return [];
  if (answer.status !== 200) throw new Error(`${path} -> ${answer.status}: ${await answer.text()}`);
  return (await answer.json()).versions;
}
