// Maven as the tests and benchmarks run it: the machine's own, or Debian's; plugins and programs from the repository that
// this machine's Maven is configured for, pinned, kept once per user.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { stockSource } from "./catalogue.mjs";
import { noDebianProgram } from "./debian.mjs";
import { output } from "./process.mjs";
import { cacheDir } from "./toolchain.mjs";

const DEBIAN = "/usr/bin/mvn";
let found;

/** Where `mvn` is, or undefined. */
export function machineMaven() {
  found ??= output("sh", ["-c", "command -v mvn"]) || (noDebianProgram(DEBIAN, ["maven"]) ? "" : DEBIAN);
  return found || undefined;
}

/** Why Maven cannot run here (for the `skip` of tests), or false. */
export function noMaven() {
  return machineMaven() ? false : "no Maven on this machine; Debian has it in the package maven";
}

/** `{ url, authorization }` of what stands in for the central repository on this machine; the public one if nothing does. */
export function configuredRepository() {
  for (const text of settings()) {
    const mirror = elements(text, "mirror").find((one) => mirrorsCentral(element(one, "mirrorOf")));
    if (mirror) return { url: element(mirror, "url").replace(/\/?$/, "/"), authorization: credentials(text, element(mirror, "id")) };
  }
  return { url: stockSource("maven") };
}

/** The user's settings, then the installation's, without comments. */
function settings() {
  const home = machineMaven() && output(machineMaven(), ["--version"])?.match(/^Maven home: (.+)$/m)?.[1];
  const files = [join(homedir(), ".m2", "settings.xml"), ...(home ? [join(home, "conf", "settings.xml")] : [])];
  return files.filter((file) => existsSync(file)).map((file) => readFileSync(file, "utf8").replace(/<!--.*?-->/gs, ""));
}

function mirrorsCentral(pattern) {
  const parts = pattern.split(",").map((part) => part.trim());
  return !parts.includes("!central") && parts.some((part) => ["*", "central", "external:*"].includes(part));
}

function credentials(text, id) {
  const server = elements(text, "server").find((one) => element(one, "id") === id);
  if (!server || !element(server, "username")) return undefined;
  return `Basic ${Buffer.from(`${element(server, "username")}:${element(server, "password")}`).toString("base64")}`;
}

function elements(text, tag) {
  return [...text.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, "gs"))].map(([, inner]) => inner);
}

function element(text, tag) {
  return elements(text, tag)[0]?.trim() ?? "";
}

/**
 * A local repository that holds what these goals need, filled once per user by running them in a project of one module:
 * its folder, or undefined where the machine's repository is out of reach. Maven takes what lies there for installed, so
 * that tests fetch nothing but what they are about.
 *
 * @param {object} seed
 * @param {Record<string, string>} seed.files of the project
 * @param {string[][]} seed.runs arguments of each run
 */
export function seededRepository({ files, runs }) {
  const key = createHash("sha256").update(JSON.stringify({ files, runs })).digest("hex").slice(0, 12);
  const folder = join(cacheDir, `maven-${key}`);
  if (existsSync(folder)) return folder;
  return fill(folder, { files, runs }) ? folder : undefined;
}

/** Fills beside the final folder and renames, so that test files running at once never see half of it. */
function fill(folder, { files, runs }) {
  mkdirSync(cacheDir, { recursive: true });
  const temporary = mkdtempSync(join(cacheDir, "maven-new-"));
  const repository = join(temporary, "repository");
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(temporary, path, ".."), { recursive: true });
      writeFileSync(join(temporary, path), text);
    }
    for (const args of runs) {
      const { status, stdout } = spawnSync(machineMaven(), ["-B", "-q", `-Dmaven.repo.local=${repository}`, ...args], { cwd: temporary, encoding: "utf8" });
      if (status !== 0) {
        console.error(`tests: Maven's plugins could not be fetched: ${stdout.slice(0, 1_000)}`);
        return false;
      }
    }
    forget(repository);
    if (!existsSync(folder)) renameSync(repository, folder);
  } catch (error) {
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return true;
}

/** Takes away what says where files came from: without it Maven takes them for installed, whatever is configured. */
function forget(repository) {
  for (const entry of readdirSync(repository, { recursive: true, withFileTypes: true })) {
    const traces = /^(_remote\.repositories|resolver-status\.properties|maven-metadata.*|.*\.lastUpdated)$/;
    if (entry.isFile() && traces.test(entry.name)) rmSync(join(entry.parentPath, entry.name));
  }
}
