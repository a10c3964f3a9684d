// Python programs that tests and benchmarks run: each in an environment of its own, pinned with digests by a lock file,
// installed once per lock and user. All that a machine must have is Python itself, without pip or `venv`'s extras.
//
// To change a version: edit `<name>.in`, then, with uv, `uv pip compile --universal --python-version 3.10
// --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate <name>.in -o <name>.txt`.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { stockSource } from "./catalogue.mjs";
import { output } from "./process.mjs";
import { cacheDir, root } from "./toolchain.mjs";

const OLDEST = "3.10";
const pipLock = join(root, "tests", "e2e", "python", "pip-26.txt");
let found;

/** `{ program, version }` of the machine's Python, or undefined if there is none that is new enough. */
export function machinePython() {
  found ??= { python: look() };
  return found.python;
}

function look() {
  const question = "import sys; print(sys.executable, '%d.%d' % sys.version_info[:2], sys.version_info >= (3, 10))";
  const [program, version, enough] = output("python3", ["-c", question])?.split(" ") ?? [];
  return enough === "True" ? { program, version } : undefined;
}

/** Why nothing in Python can run here (for the `skip` of tests), or false. */
export function noPython() {
  return machinePython() ? false : `no Python ${OLDEST} or newer on this machine`;
}

/** The environment of a lock file, installed when it is not there yet: `{ folder, python }`. */
export function pythonEnvironment(lock) {
  const { version } = machinePython();
  const digest = createHash("sha256").update(readFileSync(lock)).update(version).digest("hex").slice(0, 12);
  const folder = join(cacheDir, `python-${basename(lock, ".txt")}-${digest}`);
  if (!existsSync(folder)) install(lock, folder);
  return { folder, python: join(folder, "bin", "python") };
}

/** Installs beside the final folder and renames. Programs are run as modules, which does not mind the rename. */
function install(lock, folder) {
  mkdirSync(cacheDir, { recursive: true });
  const temporary = mkdtempSync(join(cacheDir, "python-new-"));
  try {
    const environment = join(temporary, "environment");
    makeEnvironment(environment);
    const args = ["install", "--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", lock];
    const pip = [...pipProgram(temporary), "--python", join(environment, "bin", "python"), ...args];
    must(pip, `installing ${basename(lock)} failed`);
    if (!existsSync(folder)) renameSync(environment, folder);
  } catch (error) {
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** An empty environment, without pip. */
export function makeEnvironment(folder) {
  must(["-m", "venv", "--without-pip", folder], "making a Python environment failed");
}

/** The machine's pip with all its settings; else, straight from the index, the one that is locked here. */
function pipProgram(folder) {
  const { program } = machinePython();
  const version = output(program, ["-m", "pip", "--version"])?.match(/^pip (\d+)\.(\d+)/);
  if (version && Number(version[1]) * 100 + Number(version[2]) >= 2203) return ["-m", "pip"];
  const page = new URL("pip/", configuredIndex()).href;
  const wheel = must([join(root, "tools", "bootstrap-pip.py"), page, pipLock, folder], "fetching pip failed").trim();
  return [`${wheel}/pip`];
}

/** The index this machine's Python is configured for, with a closing slash; the public one if for none. */
export function configuredIndex() {
  const program = machinePython()?.program;
  const configured = process.env.PIP_INDEX_URL || (program && output(program, ["-m", "pip", "config", "get", "global.index-url"]));
  return (configured || new URL("simple/", stockSource("pypi")).href).replace(/\/?$/, "/");
}

function must(args, what) {
  const { status, stdout, stderr, error } = spawnSync(machinePython().program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${what}: ${error?.message ?? stderr}`);
  return stdout;
}
