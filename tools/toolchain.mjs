// Which tools the build needs, in which version, and where they are kept.
//
// No version is written here: the lock files pin everything. `worker-build` has the version of the `worker` crate,
// `wasm-bindgen` the CLI must equal `wasm-bindgen` the crate, both read from Cargo.lock; Node, wasm-opt, esbuild,
// Miniflare and Wrangler stand in package-lock.json; the compiler in rust-toolchain.toml.
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { Remedy, output } from "./process.mjs";

export const root = resolve(import.meta.dirname, "..");

/** Per user, outside the clone: a second clone installs nothing. */
export const cacheDir = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "edgefeed");

export const buildDir = join(root, "build");
export const wasmTarget = "wasm32-unknown-unknown";

/** Shims around Debian's compiler, present only where rustup could not add the wasm32 target. */
export const debianRust = join(cacheDir, "debian-rust", "bin");

/** The version Cargo.lock holds for a crate. */
export function lockedVersion(crate) {
  const lock = readFileSync(join(root, "Cargo.lock"), "utf8");
  const version = lock.match(new RegExp(`^name = "${crate}"\\nversion = "([^"]+)"`, "m"))?.[1];
  if (!version) throw new Remedy(`Cargo.lock names no \`${crate}\`; restore it with \`git checkout Cargo.lock\`.`);
  return version;
}

/** The programs built from crates, each in a folder of its own version. */
export function cargoTools() {
  const tool = (crate, program, version) => {
    const root = join(cacheDir, `${crate}-${version}`);
    return { crate, version, program, root, path: join(root, "bin", program) };
  };
  return {
    workerBuild: tool("worker-build", "worker-build", lockedVersion("worker")),
    wasmBindgen: tool("wasm-bindgen-cli", "wasm-bindgen", lockedVersion("wasm-bindgen")),
  };
}

/** A program npm installed. */
export const npmTool = (name) => join(root, "node_modules", ".bin", name);

/** Whether the compiler that the environment finds has a standard library for wasm32. */
export function hasWasmTarget(env = process.env) {
  const directory = output("rustc", ["--target", wasmTarget, "--print", "target-libdir"], { cwd: root, env });
  return directory !== undefined && existsSync(directory);
}

/** Whether the compiler that the environment finds has its standard library's sources beside it. */
export function hasStandardLibrarySources(env = process.env) {
  const sysroot = output("rustc", ["--print", "sysroot"], { cwd: root, env });
  return sysroot !== undefined && existsSync(join(sysroot, "lib/rustlib/src/rust/library/Cargo.toml"));
}

/**
 * The environment of the build: npm's programs first, so that a script asking for `node` gets the pinned one, and
 * `worker-build` told where everything is, so that it downloads nothing.
 */
export function buildEnv() {
  const { wasmBindgen } = cargoTools();
  const path = [join(root, "node_modules", ".bin"), process.env.PATH];
  if (existsSync(debianRust) && !hasWasmTarget()) path.unshift(debianRust);
  return {
    ...process.env,
    PATH: path.join(delimiter),
    WASM_BINDGEN_BIN: wasmBindgen.path,
    WASM_OPT_BIN: npmTool("wasm-opt"),
    ESBUILD_BIN: npmTool("esbuild"),
    WASM_BINDGEN_USE_JS_SYS: "1", // as worker-build sets it: the same flags mean no second compilation
  };
}
