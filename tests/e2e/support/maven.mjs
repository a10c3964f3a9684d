// Maven under test: the machine's own, with settings and a local repository of each project's own. The plugins that builds
// here use are pinned, and lie in every local repository from the start; whatever else is needed comes from the feed.

import { existsSync, readdirSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";

import { machineMaven, noMaven, seededRepository } from "../../../tools/maven.mjs";
import { output } from "../../../tools/process.mjs";
import { fileName, folder, pom } from "../../upstream/maven-packages.mjs";
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
  "maven-plugin-plugin": "3.15.1",
};
// The one that tells repositories of a plugin's prefix; later ones do not.
const OLD_DEPLOY = `${APACHE}:maven-deploy-plugin:2.8.2:deploy`;
const PLUGIN_API = { id: "org.apache.maven:maven-plugin-api:3.8.7", scope: "provided" };

/**
 * Maven announces a body and waits up to three seconds to be told to go on. Cloudflare tells it; the local runtime takes no
 * notice, and every file of a deploy costs these seconds.
 */
const AT_ONCE = "<put><params><property><name>http.protocol.expect-continue</name><value>%b,false</value></property></params></put>";

/** Maven asks without its token first, unless it is told that it will be wanted. */
const PREEMPTIVE = "<all><usePreemptive>true</usePreemptive></all>";

const maven = { name: "mvn", command: () => [machineMaven(), "-B", "-ntp"] };

/** The full name of a goal, which needs no look-up of its prefix: `goal("deploy", "deploy-file")`. */
export function goal(plugin, name) {
  const artifact = `maven-${plugin}-plugin`;
  return `${APACHE}:${artifact}:${PLUGINS[artifact]}:${name}`;
}

/** What a POM says to get these versions of its plugins. */
export function pinnedPlugins() {
  const lines = Object.entries(PLUGINS).map(([artifact, version]) => `      <plugin><artifactId>${artifact}</artifactId><version>${version}</version></plugin>\n`);
  const properties = { "project.build.sourceEncoding": "UTF-8", "maven.compiler.source": "8", "maven.compiler.target": "8" };
  const inner = Object.entries(properties).map(([key, value]) => `<${key}>${value}</${key}>`);
  const encoding = `  <properties>${inner.join("")}</properties>\n`;
  return `${encoding}  <build><pluginManagement><plugins>\n${lines.join("")}  </plugins></pluginManagement></build>\n`;
}

let seed;

/** A local repository with the plugins, filled once per user; undefined where they are out of reach. */
function plugins() {
  seed ??= { folder: seededRepository(seedProject()) };
  return seed.folder;
}

/** A library and a plugin, which ask for all that builds here need. */
function seedProject() {
  const library = { "pom.xml": pom("seed:seed", "1.0", { inner: pinnedPlugins() }), "src/main/resources/seed.txt": "seed\n" };
  const plugin = Object.entries(helloPlugin("seed:seed-maven-plugin", "1.0")).map(([path, text]) => [`plugin/${path}`, text]);
  const target = "-DaltDeploymentRepository=seed::file:./deployed";
  const file = ["-Dfile=pom.xml", "-DgroupId=seed", "-DartifactId=file", "-Dversion=1.0", "-DrepositoryId=seed", "-Durl=file:./deployed"];
  const runs = [
    ["package", goal("source", "jar-no-fork"), "deploy", target],
    [goal("deploy", "deploy-file"), ...file],
    [goal("dependency", "copy-dependencies")],
    ...(javac() ? [["-f", "plugin/pom.xml", "package", OLD_DEPLOY, "-DaltDeploymentRepository=seed::default::file:./deployed"]] : []),
  ];
  return { files: { ...library, ...Object.fromEntries(plugin) }, runs };
}

/** The project of a plugin with one goal, `say`, which prints where it is. */
export function helloPlugin(name, version) {
  const source = `package org.example.hello;

/** @goal say\n * @requiresProject false */
public class SayMojo extends org.apache.maven.plugin.AbstractMojo {
    public void execute() {
        getLog().info("hello from ${name} ${version}");
    }
}
`;
  const about = { packaging: "maven-plugin", deps: [PLUGIN_API], inner: pinnedPlugins() };
  return { "pom.xml": pom(name, version, about), "src/main/java/org/example/hello/SayMojo.java": source };
}

/** Why Maven cannot run here (for the `skip` of its tests), or false. */
export function missing() {
  return noMaven() || (plugins() ? false : "Maven's plugins are out of reach: no repository that this machine is configured for has them");
}

/** Why nothing can be compiled here, or false. */
export function missingCompiler() {
  return missing() || (javac() ? false : "no javac on this machine");
}

function javac() {
  return output("sh", ["-c", "command -v javac"]);
}

/** A project whose Maven knows one repository, called `feed`, in the place of all others. */
export class MavenWorkspace extends Workspace {
  /**
   * `url` is the repository; `token` may be left out; `seeded: false` starts without any plugin; `pluginGroups` names more;
   * `plain: true` leaves out the one setting that is for the local runtime; `preemptive: true` has the one that the README recommends.
   */
  static async create({ url, token, seeded = true, pluginGroups = [], plain = false, preemptive = false }) {
    const workspace = await MavenWorkspace.open({ client: maven, url, token, seeded, pluginGroups, plain, preemptive });
    await workspace.#emptyHome();
    await workspace.configure({});
    return workspace;
  }

  /** Points the project at another repository or token, in the middle of its life. */
  async configure(about) {
    Object.assign(this, about);
    const mirror = `<mirrors><mirror><id>feed</id><mirrorOf>*</mirrorOf><url>${this.url}</url></mirror></mirrors>`;
    // The repository that every project has is taken for one without SNAPSHOTs, unless settings say otherwise.
    const central = `<id>central</id><url>${this.url}</url><snapshots><enabled>true</enabled></snapshots>`;
    const both = `<repositories><repository>${central}</repository></repositories><pluginRepositories><pluginRepository>${central}</pluginRepository></pluginRepositories>`;
    const profile = `<profiles><profile><id>feed</id>${both}</profile></profiles><activeProfiles><activeProfile>feed</activeProfile></activeProfiles>`;
    const groups = this.pluginGroups.map((group) => `<pluginGroup>${group}</pluginGroup>`);
    const transport = `<configuration><httpConfiguration>${this.preemptive ? PREEMPTIVE : ""}${this.plain ? "" : AT_ONCE}</httpConfiguration></configuration>`;
    const server = `<servers><server><id>feed</id><username>edgefeed</username><password>${this.token}</password>${transport}</server></servers>`;
    await this.write("settings.xml", `<settings><pluginGroups>${groups.join("")}</pluginGroups>${this.token ? server : ""}${mirror}${profile}</settings>\n`);
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

  /** As `deploying`, with metadata of the group that says by which prefix a plugin is called. */
  deployingPlugin() {
    return ["package", OLD_DEPLOY, `-DaltDeploymentRepository=feed::default::${this.url}`];
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

  /** Whether a file of a version is in the local repository. */
  resolved(name, version, about) {
    return existsSync(join(this.repository, folder(name, version), fileName(name, version, about)));
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
