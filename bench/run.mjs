// `make bench`: Edgefeed beside its peers and beside a bare Worker on the same local runtime, all in one run.
//
//     node bench/run.mjs                     everything, about half an hour
//     node bench/run.mjs --quick             that every measurement works, in half a minute; the figures mean nothing
//     node bench/run.mjs --only=costs,size   some of the parts below
//     node bench/run.mjs --build=<folder>    another build than `build/`, for a comparison before and after a change
//
// A missed budget is reported and is no failure; a request that fails is one.
import { rm, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildDir } from "../tools/toolchain.mjs";
import { application } from "./application.mjs";
import { cargo } from "./cargo.mjs";
import { costs } from "./costs.mjs";
import { large } from "./large.mjs";
import { management } from "./management.mjs";
import { maven } from "./maven.mjs";
import { memory } from "./memory.mjs";
import { nuget } from "./nuget.mjs";
import { pypi } from "./pypi.mjs";
import { Report } from "./report.mjs";
import { Scope } from "./scope.mjs";
import { size } from "./size.mjs";
import { throughput } from "./throughput.mjs";

const parts = { throughput, costs, application, pypi, nuget, maven, cargo, management, size, memory, large };

/** How much of everything. */
const scales = {
  full: { rounds: 5, seconds: 3, connections: 16, packages: 30, restores: 3, starts: 7, megabytes: 500 },
  quick: { quick: true, rounds: 1, seconds: 0.3, connections: 4, packages: 2, restores: 1, starts: 1, megabytes: 8 },
};

const { values } = parseArgs({ options: { quick: { type: "boolean" }, only: { type: "string" }, build: { type: "string" } } });
const build = values.build ?? buildDir;
const scale = values.quick ? scales.quick : scales.full;
const chosen = values.only?.split(",") ?? Object.keys(parts);
const unknown = chosen.filter((name) => !parts[name]);
if (unknown.length > 0) {
  console.error(`error: no such part: ${unknown.join(", ")} (there are ${Object.keys(parts).join(", ")})`);
  process.exit(2);
}

const whole = new Scope();
const folder = await mkdtemp(join(tmpdir(), "edgefeed-bench-"));
whole.defer(() => rm(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    await whole.close();
    process.exit(130);
  });
}

const report = new Report(scale);
for (const name of chosen) {
  console.error(`\n== ${name}`);
  const scope = whole.nested();
  try {
    await parts[name]({ scale, scope, report, build, folder: await mkdtemp(join(folder, `${name}-`)) });
  } catch (error) {
    console.error(error);
    report.failed(name, error);
  } finally {
    await scope.close();
  }
}
await whole.close();
console.log(`\n${report.markdown()}`);
if (!values.quick) report.write(join(import.meta.dirname, "results.json"));
process.exitCode = report.failures.length === 0 ? 0 : 1;
