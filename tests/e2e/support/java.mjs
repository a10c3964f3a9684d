// Clients of Maven repositories that are libraries of Java: Ivy, and coursier through its own interface. Pinned, and fetched
// once per user from the repository that this machine's Maven is configured for.

import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";

import { seededRepository } from "../../../tools/maven.mjs";
import { fileName, folder, pom } from "../../upstream/maven-packages.mjs";
import { goal, missing, missingCompiler } from "./maven.mjs";
import { Workspace } from "./workspace.mjs";

const LIBRARIES = { "org.apache.ivy:ivy": "2.5.2", "io.get-coursier:interface": "1.0.28", "org.slf4j:slf4j-api": "1.7.36" };
let seed;

function repository() {
  const deps = Object.entries(LIBRARIES).map(([name, version]) => `${name}:${version}`);
  seed ??= { folder: seededRepository({ files: { "pom.xml": pom("seed:java", "1.0", { deps }) }, runs: [[goal("dependency", "copy-dependencies")]] }) };
  return seed.folder;
}

function classPath(...names) {
  return names.map((name) => join(repository(), folder(name, LIBRARIES[name]), fileName(name, LIBRARIES[name]))).join(":");
}

export const ivy = {
  name: "ivy",
  command: () => ["java", "-jar", classPath("org.apache.ivy:ivy")],
};

/** Run from its source, which takes a compiler. */
export const coursier = {
  name: "coursier",
  command: () => ["java", "-cp", classPath("io.get-coursier:interface", "org.slf4j:slf4j-api"), resolve(import.meta.dirname, "../java/FetchOne.java")],
  compiled: true,
};

/** Why one of them cannot run here (for the `skip` of its tests), or false. */
export function missingProgram({ compiled, name }) {
  return (compiled ? missingCompiler() : missing()) || (repository() ? false : `${name} is out of reach: no repository that this machine is configured for has it`);
}

class JavaWorkspace extends Workspace {
  /** `url` is the repository; `token` may be left out. */
  static async create({ url, token }) {
    const workspace = await this.open({ client: this.client, url, token });
    await workspace.configure({});
    return workspace;
  }

  async configure(about) {
    Object.assign(this, about);
  }

  environment() {
    return { JAVA_TOOL_OPTIONS: `-Duser.home=${this.home} -XX:TieredStopAtLevel=1`, ...(this.token && { FEED_TOKEN: this.token }) };
  }
}

export class IvyWorkspace extends JavaWorkspace {
  static client = ivy;

  async configure(about) {
    await super.configure(about);
    const { hostname } = new URL(this.url);
    const credentials = this.token ? `<credentials host="${hostname}" realm="${await realm(this.url)}" username="edgefeed" passwd="${this.token}" />` : "";
    const resolver = `<resolvers><ibiblio name="feed" m2compatible="true" root="${this.url}" /></resolvers>`;
    const cache = `<caches defaultCacheDir="${join(this.home, "ivy")}" />`;
    await this.write("ivysettings.xml", `<ivysettings>${credentials}<settings defaultResolver="feed" />${cache}${resolver}</ivysettings>\n`);
  }

  /** Resolves from nothing and copies what is needed into `libs/`. */
  async resolve(id) {
    const [group, artifact, version] = id.split(":");
    await this.clear("libs");
    const where = ["-retrieve", join(this.project, "libs/[artifact]-[revision](-[classifier]).[ext]")];
    return this.must(["-settings", "ivysettings.xml", "-dependency", group, artifact, version, "-confs", "default", ...where]);
  }

  libraries() {
    return readdirSync(join(this.project, "libs")).sort();
  }
}

/** Ivy keeps credentials by what a challenge calls itself, to the letter. */
async function realm(url) {
  const challenge = (await fetch(url)).headers.get("www-authenticate") ?? "";
  return /realm="([^"]*)"/.exec(challenge)?.[1] ?? "";
}

export class CoursierWorkspace extends JavaWorkspace {
  static client = coursier;

  environment() {
    return { ...super.environment(), COURSIER_CACHE: join(this.home, "coursier") };
  }

  /** The names of the files that a dependency comes to. */
  async fetch(id) {
    const { stdout } = await this.must([this.url, id]);
    return stdout.trim().split("\n").sort();
  }
}
