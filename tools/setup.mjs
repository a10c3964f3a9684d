// `make setup`: installs what the build, the local server and the tests need, and nothing that is there already.
//
// Runs on the Node that is on the machine (20 or newer); everything after it runs on the pinned one that npm installs.
// Every step looks for its own result first, so a second run takes a moment, and an interrupted one goes on.
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Remedy, run, runMain, succeeds } from "./process.mjs";
import { buildEnv, cacheDir, cargoTools, debianRust, hasStandardLibrarySources, hasWasmTarget, npmTool, root, wasmTarget } from "./toolchain.mjs";

await runMain(() => {
  checkMachine();
  installNpmPackages();
  installWasmTarget();
  installStandardLibrarySources();
  for (const tool of Object.values(cargoTools())) installCargoTool(tool);
});

/** What no step can install: said first, all with its remedy. */
function checkMachine() {
  if (Number(process.versions.node.split(".")[0]) < 20) {
    throw new Remedy(`Node ${process.versions.node} is too old: install Node 20 or newer.`);
  }
  if (!succeeds("cargo", ["--version"], { cwd: "/" })) {
    throw new Remedy("`cargo` does not run. Install Rust with rustup, open a new shell, and run `make setup` again.");
  }
  if (!succeeds("cargo", ["--version"], { cwd: root })) {
    throw new Remedy(
      "rustup could not install the compiler that rust-toolchain.toml names. Install it where the network allows it, " +
        "or name one that is there, at least as new as Cargo.toml's `rust-version`: `RUSTUP_TOOLCHAIN=stable make setup`.",
    );
  }
  if (!succeeds("cc", ["--version"])) {
    throw new Remedy("There is no C compiler `cc`, which Rust links with. On Debian: `apt-get install build-essential`.");
  }
}

/** npm's packages, among them the Node that today's Miniflare needs and `wasm-opt`. */
function installNpmPackages() {
  const stamp = join(root, "node_modules", ".edgefeed");
  const wanted = createHash("sha256").update(readFileSync(join(root, "package-lock.json"))).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  console.log("setup: npm packages");
  run("npm", ["ci", "--loglevel=error"], {
    cwd: root,
    remedy: "If the registry is out of reach, point npm at one that is (`npm config set registry <address>`).",
  });
  linkNode();
  writeFileSync(stamp, wanted);
}

/** Where npm has no Node for this platform, a new enough one of the machine does as well. */
function linkNode() {
  if (succeeds(npmTool("node"), ["--version"])) return;
  if (Number(process.versions.node.split(".")[0]) < 22) {
    throw new Remedy(`npm has no Node for ${process.platform}-${process.arch}: install Node 22 or newer yourself.`);
  }
  symlinkSync(process.execPath, npmTool("node"));
}

/** The standard library's sources, of which the build makes a smaller one; it does without where they cannot be had. */
function installStandardLibrarySources() {
  if (hasStandardLibrarySources(buildEnv())) return;
  console.log("setup: rust-src");
  succeeds("rustup", ["component", "add", "rust-src"], { cwd: root });
}

/** The wasm32 standard library: from rustup, else Debian's compiler and sources. */
function installWasmTarget() {
  if (hasWasmTarget() || (existsSync(join(debianRust, "rustc")) && hasDebianCompiler())) return;
  console.log(`setup: rust target ${wasmTarget}`);
  if (succeeds("rustup", ["target", "add", wasmTarget], { cwd: root }) && hasWasmTarget()) return;
  console.log("setup: rustup could not add the target (a closed network?); falling back to Debian's compiler");
  if (!hasDebianCompiler()) installDebianCompiler();
  writeDebianShims();
}

/** Debian's browser toolchain carries a recent compiler, the standard library's sources, and the linker they go with. */
function installDebianCompiler() {
  const packages = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm"];
  if (!succeeds("apt-get", ["--version"]) || process.getuid() !== 0) {
    throw new Remedy(
      `There is no standard library for ${wasmTarget}. Where the network allows it, run \`rustup target add ${wasmTarget}\`; ` +
        `else, on Debian, run \`make setup\` once as root, which installs ${packages.join(", ")}.`,
    );
  }
  aptInstall(packages);
  aptInstall([readlinkSync("/usr/bin/rust-lld")]); // a link to the linker of the one LLVM that fits, which is only recommended
}

function hasDebianCompiler() {
  return ["bin/rustc", "bin/cargo", "bin/rust-lld", "lib/rustlib/src/rust/library/Cargo.toml"].every((path) => existsSync(join("/usr", path)));
}

function aptInstall(packages) {
  run("apt-get", ["install", "-y", "--no-install-recommends", ...packages], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    remedy: "If the packages are not known, run `apt-get update` and `make setup` again.",
  });
}

/**
 * Two small programs that stand before rustup's: `cargo` builds the standard library along with the crate, and `rustc`
 * lets `worker-build` believe that the target is installed, which it then is in effect. The sources are rebuilt with
 * bitcode because the release profile links with LTO.
 */
function writeDebianShims() {
  mkdirSync(join(debianRust, "target-libdir"), { recursive: true });
  writeProgram("rustc", `case "$*" in
  *"--target ${wasmTarget} --print target-libdir"*) echo "${debianRust}/target-libdir";;
  *) exec /usr/bin/rustc "$@";;
esac`);
  writeProgram("cargo", `export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
case " $* " in
  *" --target ${wasmTarget} "*)
    export CARGO_UNSTABLE_BUILD_STD=std,panic_abort RUSTFLAGS="$RUSTFLAGS -Cembed-bitcode=yes";;
esac
exec /usr/bin/cargo "$@"`);
}

function writeProgram(name, body) {
  const path = join(debianRust, name);
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
}

/** A program from its crate, kept per version in the user's cache. */
function installCargoTool({ crate, version, program, root: prefix, path }) {
  if (existsSync(path)) return;
  console.log(`setup: ${crate} ${version} (once per user: some minutes)`);
  mkdirSync(cacheDir, { recursive: true });
  const { CARGO_TARGET_DIR, CARGO_BUILD_TARGET_DIR, RUSTFLAGS, ...env } = process.env; // the project's, not the tool's
  // They run for seconds per build: compiling them fast is worth more than fast programs.
  Object.assign(env, { CARGO_PROFILE_RELEASE_OPT_LEVEL: "1", CARGO_PROFILE_RELEASE_LTO: "off", CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "16" });
  const install = ["install", "--quiet", "--root", prefix, "--version", version, "--bin", program, crate];
  const options = { cwd: root, env, stdio: ["ignore", "inherit", "inherit"] };
  // A mirror may lag behind what the crate's own lock file names: the same version of the tool on its neighbours will do.
  if (succeeds("cargo", [...install, "--locked"], options)) return;
  console.log(`setup: ${crate} ${version} again, without the dependencies it was locked with`);
  run("cargo", install, {
    ...options,
    remedy: `If the crates' registry is out of reach, put a \`${program}\` ${version} at ${path} by hand.`,
  });
}
