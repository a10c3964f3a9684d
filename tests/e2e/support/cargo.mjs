// The real cargo, of the toolchain that this repository pins: a project with a home and a target folder of its own.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { root } from "../../../tools/toolchain.mjs";
import { Workspace } from "./workspace.mjs";

let toolchain;

/** Where the pinned compiler and its cargo are, free of rustup's shims, which want the user's home. */
function binaries() {
  toolchain ??= join(execFileSync("rustc", ["--print", "sysroot"], { cwd: root, encoding: "utf8" }).trim(), "bin");
  return toolchain;
}

const cargo = { name: "cargo", command: () => [join(binaries(), "cargo")] };

/** A package (or a workspace of packages) and a cargo configured for one registry, called `feed`. */
export class CargoWorkspace extends Workspace {
  /**
   * `index` is what stands in `config.toml`, with `sparse+`; `replace` puts the feed in the place of cargo's default
   * registry; `manifest` is `{ name, version, dependencies, ... }`, in JSON; `config` are more tables of configuration.
   */
  static async create({ index, token, replace = false, manifest = {}, config = "" }) {
    const workspace = await CargoWorkspace.open({ client: cargo, index, token, replace, config });
    await workspace.package("", manifest);
    await workspace.configure({});
    return workspace;
  }

  /** Writes a package with an empty program or library into a folder of the project. */
  async package(folder, { library = false, name = "app", version = "1.0.0", dependencies = {}, tables = "", ...about }) {
    const head = { name, version, edition: "2021", ...about };
    const lines = Object.entries(head).map(([key, value]) => `${key} = ${toml(value)}`);
    const needed = Object.entries(dependencies).map(([key, value]) => `${key} = ${toml(value)}`);
    const text = ["[package]", ...lines, "", "[dependencies]", ...needed, "", tables].join("\n");
    await this.write(join(folder, "Cargo.toml"), text);
    if (library) await this.write(join(folder, "src/lib.rs"), `pub const VERSION: &str = "${name} ${version}";\n`);
    else await this.write(join(folder, "src/main.rs"), "fn main() {}\n");
  }

  /** Points the project at another index or token, in the middle of its life; `token: undefined` takes it away. */
  async configure(about) {
    Object.assign(this, about);
    const replacement = this.replace ? `[source.crates-io]\nreplace-with = "feed"\n` : "";
    const registry = `[registries.feed]\nindex = ${toml(this.index)}\n`;
    // Without it cargo refuses to talk to a registry that wants a token for reading.
    const provider = `[registry]\nglobal-credential-providers = ["cargo:token"]\n`;
    await this.write(".cargo/config.toml", `${registry}${replacement}${provider}[net]\nretry = 0\n${this.config}`);
  }

  environment() {
    const path = [binaries(), "/usr/local/bin", "/usr/bin", "/bin"].join(":");
    const token = this.token ? { CARGO_REGISTRIES_FEED_TOKEN: this.token } : {};
    return { PATH: path, CARGO_HOME: join(this.home, ".cargo"), CARGO_TARGET_DIR: join(this.root, "target"), CARGO_TERM_COLOR: "never", ...token };
  }
}

/** JSON as TOML writes it in a line. */
function toml(value) {
  if (Array.isArray(value)) return `[${value.map(toml).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  return `{ ${Object.entries(value).map(([key, inner]) => `${key} = ${toml(inner)}`).join(", ")} }`;
}

/**
 * The lock of the real application. The fixture leaves out where crates come from, which is the same for all; cargo's own
 * name for its default registry is taken from the lock of this repository.
 */
export function realLock() {
  const [, source] = /^source = "(registry\+[^"]+)"$/m.exec(readFileSync(join(root, "Cargo.lock"), "utf8"));
  const lock = readFileSync(join(root, "tests/fixtures/cargo/app/Cargo.lock.in"), "utf8");
  return lock.replaceAll('source = "registry"', `source = "${source}"`);
}
