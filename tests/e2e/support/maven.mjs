// Maven under test: the machine's own, with settings and a local repository of each project's own. The plugins that builds
// here use are pinned, and lie in every local repository from the start; whatever else is needed comes from the feed.

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";

import { machineMaven, noMaven, seededRepository } from "../../../tools/maven.mjs";
import { pom } from "../../upstream/maven-packages.mjs";
import { Workspace } from "./workspace.mjs";

const APACHE = "org.apache.maven.plugins";
const PLUGINS = {
  "maven-resources-plugin": "3.3.1",
  "maven-compiler-plugin": "3.14.0",
  "maven-surefire-plugin": "3.5.3",
  "maven-jar-plugin": "3.4.2",
  "maven-source-plugin": "3.3.1",
  "maven-install-plugin": "3.1.4",
  "maven-deploy-plugin": "3.1.4",
  "maven-dependency-plugin": "3.8.1",
};

const maven = { name: "mvn", command: () => [machineMaven(), "-B", "-ntp"] };

/** The full name of a goal, which needs no look-up of its prefix: `goal("deploy", "deploy-file")`. */
export function goal(plugin, name) {
  const artifact = `maven-${plugin}-plugin`;
  return `${APACHE}:${artifact}:${PLUGINS[artifact]}:${name}`;
}

/** What a POM says to get these versions of its plugins. */
export function pinnedPlugins() {
  const lines = Object.entries(PLUGINS).map(([artifact, version]) => `      <plugin><artifactId>${artifact}</artifactId><version>${version}</version></plugin>\n`);
  const encoding = "  <properties><project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>\n";
  return `${encoding}  <build><pluginManagement><plugins>\n${lines.join("")}  </plugins></pluginManagement></build>\n`;
}

let seed;

/** A local repository with the plugins, filled once per user; undefined where they are out of reach. */
function plugins() {
  seed ??= { folder: seededRepository(seedProject()) };
  return seed.folder;
}

function seedProject() {
  const files = { "pom.xml": pom("seed:seed", "1.0", { inner: pinnedPlugins() }), "src/main/resources/seed.txt": "seed\n" };
  const target = "-DaltDeploymentRepository=seed::file:./deployed";
  const file = ["-Dfile=pom.xml", "-DgroupId=seed", "-DartifactId=file", "-Dversion=1.0", "-DrepositoryId=seed", "-Durl=file:./deployed"];
  return { files, runs: [["package", goal("source", "jar-no-fork"), "deploy", target], [goal("deploy", "deploy-file"), ...file], [goal("dependency", "copy-dependencies")]] };
}

/** Why Maven cannot run here (for the `skip` of its tests), or false. */
export function missing() {
  return noMaven() || (plugins() ? false : "Maven's plugins are out of reach: no repository that this machine is configured for has them");
}

/** Why nothing can be compiled here, or false. */
export function missingCompiler() {
  return missing() || (existsSync(javac()) ? false : "no javac on this machine");
}

function javac() {
  try {
    return execFileSync("sh", ["-c", "command -v javac"], { encoding: "utf8" }).trim();
  } catch {
    return "";
  }
}

/** A project whose Maven knows one repository, called `feed`, in the place of all others. */
export class MavenWorkspace extends Workspace {
  /** `url` is the repository; `token` may be left out; `seeded: false` starts without any plugin. */
  static async create({ url, token, seeded = true }) {
    const workspace = await MavenWorkspace.open({ client: maven, url, token, seeded });
    await workspace.#emptyHome();
    await workspace.configure({});
    return workspace;
  }

  /** Points the project at another repository or token, in the middle of its life. */
  async configure(about) {
    Object.assign(this, about);
    const mirror = `<mirrors><mirror><id>feed</id><mirrorOf>*</mirrorOf><url>${this.url}</url></mirror></mirrors>`;
    const server = `<servers><server><id>feed</id><username>edgefeed</username><password>${this.token}</password></server></servers>`;
    await this.write("settings.xml", `<settings>${this.token ? server : ""}${mirror}</settings>\n`);
    // In the place of the installation's, which may name repositories of this machine.
    await this.write("none.xml", "<settings />\n");
  }

  environment() {
    const options = [`-Duser.home=${this.home}`, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"].join(" ");
    return { MAVEN_SKIP_RC: "1", MAVEN_OPTS: options, ...(process.env.JAVA_HOME && { JAVA_HOME: process.env.JAVA_HOME }) };
  }

  /** Arguments that every run needs. */
  command() {
    const { project } = this;
    return [...super.command(), "-s", join(project, "settings.xml"), "-gs", join(project, "none.xml"), `-Dmaven.repo.local=${this.repository}`];
  }

  get repository() {
    return join(this.home, "repository");
  }

  /** Writes the POM of a module; `about` as `Artifacts.add` takes it, with the pinned plugins. */
  module(place, name, version, { inner = "", ...about } = {}) {
    return this.write(join(place, "pom.xml"), pom(name, version, { ...about, inner: (about.parent ? "" : pinnedPlugins()) + inner }));
  }

  /** Resolves dependencies from nothing and copies them into `libs/`. */
  async resolve(deps, ...args) {
    await this.module("", "app:app", "1.0", { deps });
    await this.clear("libs");
    return this.must([...this.resolving(), ...args]);
  }

  resolving() {
    return [goal("dependency", "copy-dependencies"), "-DoutputDirectory=libs"];
  }

  deploying(...args) {
    return ["deploy", `-DaltDeploymentRepository=feed::${this.url}`, ...args];
  }

  /** Deploys one file as it is. */
  deployFile(file, name, version, ...args) {
    return this.must(this.deployingFile(file, name, version, ...args));
  }

  deployingFile(file, name, version, ...args) {
    const [group, artifact] = name.split(":");
    const about = { file, groupId: group, artifactId: artifact, version, repositoryId: "feed", url: this.url };
    return [goal("deploy", "deploy-file"), ...Object.entries(about).map(([key, value]) => `-D${key}=${value}`), ...args];
  }

  /** The names of the files in `libs/`. */
  libraries() {
    return this.exists("libs") ? readdirSync(join(this.project, "libs")).sort() : [];
  }

  /** Forgets what was resolved; the pinned plugins stay. */
  async clear(...paths) {
    await super.clear(...paths);
    await this.#emptyHome();
  }

  async #emptyHome() {
    if (this.seeded) await cp(plugins(), this.repository, { recursive: true });
  }
}
