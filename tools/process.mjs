// Running other programs, and failing in one or two sentences that say what to do.
import { spawn, spawnSync } from "node:child_process";

/** A failure the user can act on: printed without a stack trace. */
export class Remedy extends Error {}

/** Runs `main`, turning a `Remedy` into one short message and exit code 1. */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Remedy ? `error: ${error.message}` : error);
    process.exitCode = 1;
  }
}

/** Runs a program with its output shown; throws `Remedy(remedy)` when it fails. */
export function run(command, args, { remedy, ...options } = {}) {
  const { status, error, signal } = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"], ...options });
  if (status === 0) return;
  const how = error ? error.message : signal ? `ended by ${signal}` : `exit code ${status}`;
  throw new Remedy(`\`${[command, ...args].join(" ")}\` failed (${how}). ${remedy ?? "Its message stands above."}`);
}

/** Whether a program runs and succeeds; its output is dropped. */
export function succeeds(command, args, options = {}) {
  return spawnSync(command, args, { stdio: "ignore", ...options }).status === 0;
}

/** What a program prints, trimmed; `undefined` when it fails or is not there. */
export function output(command, args, options = {}) {
  const { status, stdout } = spawnSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], ...options });
  return status === 0 ? stdout.trim() : undefined;
}

/** Runs a program, shows its output and also hands it back: `{ ok, text }`. Never throws. */
export function tee(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
    const chunks = [];
    for (const [from, to] of [[child.stdout, process.stdout], [child.stderr, process.stderr]]) {
      from.on("data", (chunk) => {
        chunks.push(chunk);
        to.write(chunk);
      });
    }
    child.on("error", (error) => chunks.push(Buffer.from(error.message)));
    child.on("close", (status) => resolve({ ok: status === 0, text: Buffer.concat(chunks).toString("utf8") }));
  });
}
