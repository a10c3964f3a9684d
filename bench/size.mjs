// The Worker's size, and how long an isolate takes to start.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { startServer } from "../tools/serve.mjs";
import { get } from "./load.mjs";
import { kilobytes, median, spread } from "./report.mjs";

export async function size({ scale, report, build }) {
  const wasm = readFileSync(join(build, "index_bg.wasm"));
  const compressed = gzipSync(wasm, { level: 9 }).length;
  report.figure("wasm", kilobytes(wasm.length), { budget: "< 2 MB", passed: wasm.length < 2e6 });
  report.figure("wasm, compressed", kilobytes(compressed), { budget: "< 700 KB", passed: compressed < 700e3 });

  const starts = Array.from({ length: scale.starts }, () => startOnce(build));
  const budget = { budget: "< 50", passed: median(starts) < 50, figures: starts };
  report.figure("start-up: compiling, instantiating and starting the module in V8, ms", spread(starts), budget);
  const firsts = [];
  for (let round = 0; round < Math.min(scale.starts, 3); round += 1) firsts.push(await firstRequest(build));
  report.figure("first request to a fresh runtime, over a second one, ms", spread(firsts), { figures: firsts });
}

/** In a process of its own, so that nothing is compiled already. */
function startOnce(build) {
  const script = join(import.meta.dirname, "startup.mjs");
  return Number(execFileSync(process.execPath, [script, join(build, "index.js")], { encoding: "utf8" }));
}

async function firstRequest(build) {
  const server = await startServer({ build });
  try {
    const ask = async () => (await get(`${server.url}/_edgefeed/health`)).milliseconds;
    const first = await ask();
    return first - (await ask());
  } finally {
    await server.stop();
  }
}
