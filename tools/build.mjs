// `make build`: the release Worker in `build/` (`index.js`, `index_bg.wasm`), within its size budget.
//
// Cargo decides whether anything has to be compiled. Binding generation and wasm-opt take longer than that decision,
// so they run only when cargo's output or the tools differ from what `build/` was made of.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { namedByLikeness } from "./likeness.mjs";
import { Remedy, output, run, runMain } from "./process.mjs";
import { buildDir, buildEnv, cargoTools, hasStandardLibrarySources, root, wasmTarget } from "./toolchain.mjs";

const budget = { wasm: 2_000_000, gzip: 700_000 };
// What rustc emits for wasm32 today and every runtime takes; wasm-opt would use more if it were let.
const wasmFeatures = ["bulk-memory", "exception-handling", "multivalue", "mutable-globals", "nontrapping-float-to-int", "reference-types", "sign-ext", "simd"]
  .map((feature) => `--enable-${feature}`);
// What is compressed best, found by measuring: functions that stay whole (a future with everything inlined has thousands of
// locals, whose numbers no two places share), like beside like, expressions repeated as they are; together a seventh of it all.
const wasmPasses = {
  optimize: [
    "-Oz", "--converge", "--one-caller-inline-max-function-size=10", "--skip-pass=local-cse", "--low-memory-unused", "--strip-debug",
  ],
  order: ["--optimize-level=2", "--shrink-level=2", "--reorder-functions-by-name", "--strip-debug"],
};
const wasmFile = join(buildDir, "index_bg.wasm");
const stampFile = join(buildDir, ".inputs");

await runMain(() => {
  const env = buildEnv();
  Object.assign(env, smallStandardLibrary(env));
  if (process.argv[2] === "compliance") return buildCompliance(env);
  run("cargo", ["build", "--quiet", "--lib", "--release", "--target", wasmTarget], { cwd: root, env });
  const inputs = fingerprint(env);
  if (!isFresh(inputs)) bindAndOptimize(env, inputs);
  checkBudget();
});

/**
 * The standard library compiled along with the crate, for size, panics that trap without a word, and nothing printed for
 * those who debug: together more than a sixteenth of the program. The compiler is pinned, which is what makes its unstable
 * flags safe to use. With SIMD, which Workers have, hashes are a tenth faster and their loops need not be unrolled (9 KB). Where its sources could not be had, the library is the one that comes with it.
 */
function smallStandardLibrary(env) {
  if (!hasStandardLibrarySources(env)) {
    console.log("build: the standard library's sources are missing, so the program is larger (`rustup component add rust-src`)");
    return {};
  }
  return {
    RUSTC_BOOTSTRAP: "1",
    CARGO_UNSTABLE_BUILD_STD: "std,panic_abort",
    CARGO_UNSTABLE_BUILD_STD_FEATURES: "optimize_for_size",
    RUSTFLAGS: `${env.RUSTFLAGS ?? ""} -Zlocation-detail=none -Zfmt-debug=none -Zunstable-options -Cpanic=immediate-abort -Ctarget-feature=+simd128`,
  };
}

/** What `build/` depends on: the compiled crate and the versions of the tools that finish it. */
function fingerprint(env) {
  const metadata = output("cargo", ["metadata", "--format-version=1", "--no-deps"], { cwd: root, env });
  const compiled = join(JSON.parse(metadata).target_directory, wasmTarget, "release", "edgefeed.wasm");
  const hash = createHash("sha256").update(readFileSync(compiled));
  for (const { version } of Object.values(cargoTools())) hash.update(`\n${version}`);
  hash.update(JSON.stringify(wasmPasses));
  hash.update(readFileSync(join(root, "tools/likeness.mjs")));
  return hash.update(readFileSync(join(root, "package-lock.json"))).digest("hex");
}

function isFresh(inputs) {
  return existsSync(wasmFile) && existsSync(stampFile) && readFileSync(stampFile, "utf8") === inputs;
}

/** The generated JavaScript shim, bound and optimized wasm. */
function bindAndOptimize(env, inputs) {
  rmSync(stampFile, { force: true });
  run(cargoTools().workerBuild.path, ["--release", "--no-opt"], { cwd: root, env });
  const wasmOpt = (passes) => run(env.WASM_OPT_BIN, [...wasmFeatures, ...passes, wasmFile, "-o", wasmFile], { cwd: root, env });
  wasmOpt(wasmPasses.optimize);
  writeFileSync(wasmFile, namedByLikeness(readFileSync(wasmFile)));
  wasmOpt(wasmPasses.order);
  writeFileSync(stampFile, inputs);
}

/** A development build with the port contracts in it, for the test that runs them on the local runtime; it panics as the release does. */
function buildCompliance(env) {
  const options = ["--dev", "--no-opt", "--out-dir", "build/compliance", ".", "--features", "compliance"];
  run(cargoTools().workerBuild.path, options, { cwd: root, env });
}

function checkBudget() {
  const wasm = readFileSync(wasmFile);
  const sizes = { wasm: wasm.length, gzip: gzipSync(wasm, { level: 9 }).length };
  console.log(`wasm: ${kilobytes(sizes.wasm)} of ${kilobytes(budget.wasm)}, gzip: ${kilobytes(sizes.gzip)} of ${kilobytes(budget.gzip)}`);
  if (sizes.wasm > budget.wasm || sizes.gzip > budget.gzip) {
    throw new Remedy("The Worker is over its size budget: see what grew (`twiggy top`, `cargo bloat`) before raising it.");
  }
}

function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(0)} KB`;
}
