// `make test`: every part in order, each a make target of its own, and one count at the end.
//
// A part that counts its tests adds its counts; a part that does not (a lint, the build) adds one failure if it fails.
// Parts after a failed one still run, so that one run tells everything, but not those that need what failed.
import { tee } from "./process.mjs";
import { hasWasmTarget, root } from "./toolchain.mjs";

/** In the order in which a failure is cheapest to learn. */
const parts = [
  { target: "fmt-check" },
  { target: "clippy" },
  ...(hasWasmTarget() ? [{ target: "clippy-wasm" }] : []), // Debian's compiler, where it stands in, comes without clippy
  { target: "doc" },
  { target: "unit", count: cargoCounts },
  { target: "build" },
  { target: "e2e", count: nodeCounts, needs: "build" },
];

const total = { passed: 0, failed: 0 };
const failedParts = new Set();

for (const { target, count = () => ({ passed: 0, failed: 0 }), needs } of parts) {
  console.log(`\n== ${target}`);
  const skipped = failedParts.has(needs);
  const { ok, text } = skipped ? { ok: false, text: "" } : await tee("make", [target], { cwd: root });
  if (skipped) console.log(`not run: ${needs} failed`);
  const { passed, failed } = count(text);
  total.passed += passed;
  total.failed += ok ? failed : Math.max(failed, 1);
  if (!ok || failed > 0) failedParts.add(target);
}

console.log(failedParts.size === 0 ? "\nall parts passed" : `\nfailed: ${[...failedParts].join(", ")}`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;

/** One `test result:` line per test binary. */
function cargoCounts(text) {
  return sum(text, /^test result: .*? (\d+) passed; (\d+) failed;/gm);
}

/** Node's closing lines, one of each per run. A test that was cancelled has not passed. */
function nodeCounts(text) {
  const number = (name) => sum(text, new RegExp(`^\\S* ?${name} (\\d+)()$`, "gm")).passed;
  return { passed: number("pass"), failed: number("fail") + number("cancelled") };
}

function sum(text, pattern) {
  const counts = { passed: 0, failed: 0 };
  for (const [, passed, failed] of text.replaceAll(/\x1b\[[0-9;]*m/g, "").matchAll(pattern)) {
    counts.passed += Number(passed);
    counts.failed += Number(failed);
  }
  return counts;
}
