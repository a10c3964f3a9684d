// npm's package managers under test, each behind the same few verbs, each run in a home and caches of its own.
//
// Their versions are pinned in ../package.json and its lock; they are installed once per lock into the user's cache,
// from whatever registry this machine's npm is configured for. npm may be told not to run lifecycle scripts, so programs
// are taken from their platform packages directly.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

import { Workspace as Folder } from "./workspace.mjs";

const here = resolve(import.meta.dirname, "..");

/** Where the clients of the present lock are; installs them when they are not there yet. */
export function clientsFolder() {
  const lock = createHash("sha256").update(readFileSync(join(here, "package-lock.json"))).digest("hex").slice(0, 12);
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "edgefeed");
  const folder = join(cache, `clients-${lock}`);
  if (!existsSync(folder)) install(cache, folder);
  return join(folder, "node_modules");
}

/** Installs beside the final folder and renames, so that test files running at once never see half of it. */
function install(cache, folder) {
  mkdirSync(cache, { recursive: true });
  const temporary = mkdtempSync(join(cache, "clients-new-"));
  for (const file of ["package.json", "package-lock.json"]) copyFileSync(join(here, file), join(temporary, file));
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const { status, stderr } = spawnSync("npm", args, { cwd: temporary, encoding: "utf8" });
  try {
    if (status !== 0) throw new Error(`installing the clients failed (npm ci in tests/e2e): ${stderr}`);
    if (!existsSync(folder)) renameSync(temporary, folder);
  } catch (error) {
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** A folder with a project, a home and caches of one client, configured for one registry. */
export class Workspace extends Folder {
  /** `registry` ends in a slash; `token` may be left out; `manifest` is the project's package.json. */
  static async create(client, { registry, token, manifest = {} }) {
    const workspace = await Workspace.open({ client, registry });
    await workspace.write("package.json", { name: "app", version: "1.0.0", private: true, ...manifest });
    await workspace.configure({ registry, token });
    return workspace;
  }

  /** Points the project at a registry and token, also in the middle of its life. */
  async configure({ registry = this.registry, token }) {
    for (const [path, text] of Object.entries(this.client.configuration({ registry, token }))) {
      await this.write(path, text);
    }
  }

  /** The version that lies in node_modules, or undefined. */
  async installed(name) {
    const path = join("node_modules", name, "package.json");
    return this.exists(path) ? JSON.parse(await this.read(path)).version : undefined;
  }

  /** Forgets what was installed and cached; the lock file stays. */
  clear() {
    return super.clear("node_modules");
  }

  add(...specs) {
    return this.must([...this.client.verbs.add, ...specs]);
  }

  restore() {
    return this.must(this.client.verbs.restore);
  }

  async publish() {
    if (this.client.verbs.beforePublish) await this.must(this.client.verbs.beforePublish);
    return this.must(this.client.verbs.publish);
  }
}

const script = (path) => () => [process.execPath, join(clientsFolder(), path)];

/** A program out of the package for this platform; the clients that have none here are `missing`. */
function platformProgram(prefix, architecture, file) {
  return () => [join(clientsFolder(), `${prefix}${process.platform}-${architecture}`, file)];
}

function npmrc(extra = "") {
  return ({ registry, token }) => {
    const credentials = token ? `${registry.replace(/^https?:/, "")}:_authToken=${token}\n` : "";
    return { ".npmrc": `registry=${registry}\n${credentials}${extra}` };
  };
}

function npm(name, path) {
  return {
    name,
    command: script(path),
    configuration: npmrc("audit=false\nfund=false\nupdate-notifier=false\nfetch-retries=0\nloglevel=notice\n"),
    environment: (home) => ({ npm_config_cache: join(home, "npm-cache"), NODE_NO_WARNINGS: "1" }),
    verbs: { add: ["install"], restore: ["ci"], publish: ["publish"] },
    lock: "package-lock.json",
  };
}

function pnpm(name, command) {
  return {
    name,
    command,
    configuration: npmrc("fetch-retries=0\nupdate-notifier=false\n"),
    environment: (home) => ({ npm_config_store_dir: join(home, "pnpm-store"), PNPM_HOME: join(home, "pnpm") }),
    verbs: {
      add: ["add"],
      restore: ["install", "--frozen-lockfile"],
      publish: ["publish", "--no-git-checks"],
    },
    lock: "pnpm-lock.yaml",
  };
}

const yarnClassic = {
  name: "yarn-1",
  command: script("yarn/lib/cli.js"),
  configuration: npmrc("always-auth=true\n"),
  environment: (home) => ({ YARN_CACHE_FOLDER: join(home, "yarn-cache") }),
  verbs: {
    add: ["add", "--non-interactive", "--no-progress"],
    restore: ["install", "--frozen-lockfile", "--non-interactive", "--no-progress"],
    publish: ["publish", "--non-interactive"],
  },
  lock: "yarn.lock",
};

const yarnBerry = {
  name: "yarn-4",
  command: script("@yarnpkg/cli-dist/bin/yarn.js"),
  configuration: ({ registry, token }) => ({
    ".yarnrc.yml": [
      `npmRegistryServer: "${registry}"`,
      ...(token ? [`npmAuthToken: "${token}"`, "npmAlwaysAuth: true"] : []),
      'unsafeHttpWhitelist: ["127.0.0.1", "localhost"]',
      "enableTelemetry: false",
      "nodeLinker: node-modules",
      "npmMinimalAgeGate: 0",
      "httpRetry: 0",
      "",
    ].join("\n"),
  }),
  environment: (home) => ({ YARN_GLOBAL_FOLDER: join(home, "berry"), YARN_ENABLE_IMMUTABLE_INSTALLS: "false" }),
  verbs: { add: ["add"], restore: ["install", "--immutable"], beforePublish: ["install"], publish: ["npm", "publish"] },
  lock: "yarn.lock",
};

const bun = {
  name: "bun",
  command: platformProgram("@oven/bun-", process.arch === "arm64" ? "aarch64" : process.arch, "bin/bun"),
  configuration: ({ registry, token }) => ({
    "bunfig.toml": `[install]\nregistry = { url = "${registry}"${token ? `, token = "${token}"` : ""} }\n`,
  }),
  environment: (home) => ({ BUN_INSTALL_CACHE_DIR: join(home, "bun-cache"), BUN_INSTALL: join(home, "bun") }),
  verbs: { add: ["add"], restore: ["install", "--frozen-lockfile"], publish: ["publish"] },
  lock: "bun.lock",
};

export const npm6 = npm("npm-6", "npm-6/bin/npm-cli.js");
export const npm11 = npm("npm-11", "npm-11/bin/npm-cli.js");
export const npm12 = npm("npm-12", "npm-12/bin/npm-cli.js");
export const pnpm10 = pnpm("pnpm-10", script("pnpm-10/bin/pnpm.cjs"));
export const pnpm12 = pnpm("pnpm-12", platformProgram("@pnpm/exe.", process.arch, "pnpm"));

/** Why a client cannot run here (for the `skip` of its tests), or false. */
export function missing(client) {
  const program = client.command()[0];
  return existsSync(program) ? false : `no ${client.name} for ${process.platform}-${process.arch}`;
}

export const npmMajors = [npm6, npm11, npm12];
export const allClients = [...npmMajors, pnpm10, pnpm12, yarnClassic, yarnBerry, bun];
export { bun, yarnBerry, yarnClassic };
