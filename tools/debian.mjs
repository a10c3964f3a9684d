// Programs that tests take from Debian's packages, where the machine is one of Debian's kind.
//
// Only tests come here: nothing that a user runs installs system packages.
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { succeeds } from "./process.mjs";
import { cacheDir } from "./toolchain.mjs";

const answers = new Map();

/**
 * Why a program is not to be had (for the `skip` of tests), or false. Where it is missing and this process may, its
 * packages are installed, without what they only recommend.
 *
 * @param {string} path the program, or another file of the packages
 * @param {string[]} packages
 */
export function noDebianProgram(path, packages) {
  if (!answers.has(path)) answers.set(path, look(path, packages));
  return answers.get(path);
}

function look(path, packages) {
  if (existsSync(path)) return false;
  const wanted = `no ${path}; Debian has it in ${packages.join(", ")}`;
  if (process.getuid?.() !== 0 || !succeeds("apt-get", ["--version"])) return wanted;
  console.error(`tests: installing ${packages.join(", ")} (once per machine)`);
  install(packages);
  return existsSync(path) ? false : `${wanted}, and apt-get could not install it`;
}

/** Test files run at once: one installs, the others wait for it and find nothing left to do. */
function install(packages) {
  mkdirSync(cacheDir, { recursive: true });
  const apt = `apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 ${packages.join(" ")}`;
  const command = `${apt} || { apt-get update && ${apt}; }`;
  succeeds("flock", [join(cacheDir, "debian.lock"), "sh", "-c", command], { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
}
