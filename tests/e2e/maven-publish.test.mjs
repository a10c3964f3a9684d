// What maintainers do with Maven: build and deploy a project of several modules, deploy single files and classifiers,
// redeploy SNAPSHOTs, deploy a plugin and run it by its prefix; and the refusals they must understand.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";

import { artifactPath, startMavenUpstream } from "../upstream/maven.mjs";
import { digest, folder, jar, pom } from "../upstream/maven-packages.mjs";
import { refused, startEdgefeed } from "./support/edgefeed.mjs";
import { helloPlugin, missing, missingCompiler } from "./support/maven.mjs";

const GROUP = "org.example.house";

let edgefeed;
let upstream;
let feed;

before(async () => {
  upstream = await startMavenUpstream();
  upstream.packages.add({ name: `${GROUP}:taken`, versions: { "1.0": {} } });
  upstream.packages.add({ name: "org.example.far:far", versions: { "1.0": {} } });
  edgefeed = await startEdgefeed();
  feed = await edgefeed.feed({ protocol: "maven", sources: [upstream] });
});

after(async () => {
  await feed?.dispose();
  await edgefeed?.stop();
  await upstream?.stop();
});

async function text(path, options) {
  const answer = await feed.fetch(path, options);
  const body = await answer.text();
  assert.equal(answer.status, 200, `${path} -> ${answer.status}: ${body.slice(0, 300)}`);
  return body;
}

const metadata = (name, version) => text(`${folder(name, version)}/maven-metadata.xml`);
const all = (document, tag) => [...document.matchAll(new RegExp(`<${tag}>([^<]*)</${tag}>`, "g"))].map(([, value]) => value);

/** What a SNAPSHOT's listing says of its files. */
function snapshots(listing) {
  const read = (inner) => Object.fromEntries(["classifier", "extension", "value"].map((tag) => [tag, all(inner, tag)[0] ?? ""]));
  return [...listing.matchAll(/<snapshotVersion>(.*?)<\/snapshotVersion>/gs)].map(([, inner]) => read(inner));
}

const put = (path, body, role = "contributor") => feed.fetch(path, { method: "PUT", role, body });

/** A library of one class, or of one resource where nothing can be compiled. */
async function library(app, place, name, version, about = {}) {
  await app.module(place, name, version, about);
  const [, artifact] = name.split(":");
  if (missingCompiler()) return app.write(`${place}/src/main/resources/${artifact}.txt`, `${name} ${version}\n`);
  const type = artifact.replace(/\W/g, "");
  return app.write(`${place}/src/main/java/org/example/${type}.java`, `package org.example;\n\npublic class ${type} {}\n`);
}

describe("a project of several modules", { skip: missing() }, () => {
  test("is built and deployed, and resolved by others from the feed", async () => {
    const app = await feed.maven("contributor");
    const parent = `${GROUP}:parent:1.0`;
    await app.module("", `${GROUP}:parent`, "1.0", { packaging: "pom", modules: ["core", "extra", "app"] });
    await library(app, "core", `${GROUP}:core`, "1.0", { parent });
    await library(app, "extra", `${GROUP}:extra`, "1.0", { parent, deps: [`${GROUP}:core:1.0`, "org.example.far:far:1.0"] });
    await library(app, "app", `${GROUP}:app`, "1.0", { parent, deps: [`${GROUP}:extra:1.0`] });
    await app.must(app.deploying());
    const user = await feed.maven("reader");
    await user.resolve([`${GROUP}:app:1.0`]);
    assert.deepEqual(user.libraries(), ["app-1.0.jar", "core-1.0.jar", "extra-1.0.jar", "far-1.0.jar"]);
    const listing = await metadata(`${GROUP}:core`);
    assert.deepEqual([all(listing, "latest"), all(listing, "release"), all(listing, "version")], [["1.0"], ["1.0"], ["1.0"]]);
    assert.match(all(listing, "lastUpdated")[0], /^\d{14}$/);
  });

  test("a second release: the listing grows, in the order of versions", async () => {
    for (const version of ["1.9", "1.10", "1.11-rc-1"]) {
      const app = await feed.maven("contributor");
      await library(app, "", `${GROUP}:grown`, version);
      await app.must(app.deploying());
    }
    const listing = await metadata(`${GROUP}:grown`);
    assert.deepEqual(all(listing, "version"), ["1.9", "1.10", "1.11-rc-1"]);
    const user = await feed.maven("reader");
    await user.resolve([`${GROUP}:grown:[1.0,1.11-alpha)`]);
    assert.deepEqual(user.libraries(), ["grown-1.10.jar"]);
  });

  test("other bytes of a release are refused, and the first stay", async () => {
    const name = `${GROUP}:once`;
    for (const [index, bytes] of [jar(name, "1.0"), jar(name, "1.0", { ballast: 50 })].entries()) {
      const app = await feed.maven("contributor");
      await app.write("once.jar", bytes);
      if (index === 0) await app.deployFile("once.jar", name, "1.0");
      else assert.match((await app.mustFail(app.deployingFile("once.jar", name, "1.0"))).output, /409|conflict|already/i);
    }
    assert.equal(await text(`${artifactPath(name, "1.0").slice(1)}.sha1`), digest("sha1", jar(name, "1.0")));
  });

  test("a deploy that is repeated with the same bytes goes through", async () => {
    const name = `${GROUP}:again`;
    const app = await feed.maven("contributor");
    await app.write("again.jar", jar(name, "1.0"));
    for (let tries = 0; tries < 2; tries += 1) await app.deployFile("again.jar", name, "1.0");
    assert.deepEqual(all(await metadata(name), "version"), ["1.0"]);
  });
});

describe("single files", { skip: missing() }, () => {
  test("deploy-file: a jar with sources, documentation and classifiers, each with its checksums", async () => {
    const name = `${GROUP}:single`;
    const app = await feed.maven("contributor");
    for (const file of ["single", "sources", "javadoc", "linux"]) await app.write(`${file}.jar`, jar(name, file));
    await app.write("notes.txt", "notes\n");
    const more = ["-Dsources=sources.jar", "-Djavadoc=javadoc.jar", "-Dfiles=linux.jar,notes.txt", "-Dclassifiers=linux,notes", "-Dtypes=jar,txt"];
    await app.deployFile("single.jar", name, "1.0", ...more);
    const files = { "": ["jar", "single"], sources: ["jar", "sources"], javadoc: ["jar", "javadoc"], linux: ["jar", "linux"] };
    for (const [classifier, [extension, made]] of Object.entries(files)) {
      const path = artifactPath(name, "1.0", { classifier, extension }).slice(1);
      for (const algorithm of ["md5", "sha1", "sha256", "sha512"]) assert.equal(await text(`${path}.${algorithm}`), digest(algorithm, jar(name, made)));
    }
    assert.equal(await text(artifactPath(name, "1.0", { classifier: "notes", extension: "txt" }).slice(1)), "notes\n");
    const user = await feed.maven("reader");
    await user.resolve([{ id: `${name}:1.0`, classifier: "linux" }, { id: `${name}:1.0`, classifier: "notes", type: "txt" }]);
    assert.deepEqual(user.libraries(), ["single-1.0-linux.jar", "single-1.0-notes.txt"]);
  });

  test("a Maven that waits to be told to go on deploys too", async () => {
    const name = `${GROUP}:patient`;
    const app = await feed.maven("contributor", { plain: true });
    await app.write("patient.jar", jar(name, "1.0"));
    await app.deployFile("patient.jar", name, "1.0", "-DgeneratePom=false");
    assert.equal(await text(`${artifactPath(name, "1.0").slice(1)}.sha1`), digest("sha1", jar(name, "1.0")));
  });

  test("a file may join a version that is there", async () => {
    const name = `${GROUP}:joined`;
    const app = await feed.maven("contributor");
    await app.write("joined.jar", jar(name, "1.0"));
    await app.deployFile("joined.jar", name, "1.0");
    await app.write("later.jar", jar(name, "later"));
    await app.deployFile("later.jar", name, "1.0", "-Dclassifier=later", "-DgeneratePom=false");
    assert.equal(await text(`${artifactPath(name, "1.0", { classifier: "later" }).slice(1)}.sha1`), digest("sha1", jar(name, "later")));
  });

  test("a number the upstream has cannot be taken; roles and views are named", async () => {
    const cases = [
      [`${GROUP}:taken`, "contributor", {}, /409|conflict|upstream/i],
      [`${GROUP}:unwelcome`, "reader", {}, /403|contributor/i],
      [`${GROUP}:unwelcome`, "collaborator", {}, /403|contributor/i],
      [`${GROUP}:unwelcome`, "contributor", { view: "Release" }, /40\d|view/i],
    ];
    for (const [name, role, options, said] of cases) {
      const app = await feed.maven(role, options);
      await app.write("some.jar", jar(name, "1.0"));
      assert.match((await app.mustFail(app.deployingFile("some.jar", name, "1.0"))).output, said);
    }
    await refused(await feed.fetch(`${folder(`${GROUP}:unwelcome`)}/maven-metadata.xml`), 404);
  });
});

describe("SNAPSHOTs", { skip: missing() }, () => {
  const name = `${GROUP}:moving`;
  const version = "1.0-SNAPSHOT";

  async function deploy(made, ...args) {
    const app = await feed.maven("contributor");
    await app.write("moving.jar", jar(name, made));
    await app.deployFile("moving.jar", name, version, ...args);
  }

  test("are redeployed, number by number, and the newest is what others get; no upstream is asked", async () => {
    upstream.packages.publish(name, version, {});
    upstream.forget();
    await deploy("first");
    await deploy("second");
    const listing = await metadata(name, version);
    assert.deepEqual(all(listing, "buildNumber"), ["2"]);
    const [newest] = all(listing, "value");
    assert.match(newest, /^1\.0-\d{8}\.\d{6}-2$/);
    const user = await feed.maven("reader");
    await user.resolve([`${name}:${version}`]);
    assert.deepEqual(user.libraries().map((file) => file.replace(newest, version)), ["moving-1.0-SNAPSHOT.jar"]);
    const path = `${folder(name, version)}/moving-${newest}.jar`;
    assert.equal(await text(`${path}.sha1`), digest("sha1", jar(name, "second")));
    await deploy("third");
    await user.must([...user.resolving(), "-U"]);
    assert.deepEqual(all(await metadata(name, version), "buildNumber"), ["3"]);
    assert.deepEqual(upstream.requests((request) => request.path.includes("SNAPSHOT")).map(({ path: asked }) => asked), []);
    assert.deepEqual(all(await metadata(name), "latest"), [version]);
  });

  test("a classifier that was not deployed again keeps its older value", async () => {
    const app = await feed.maven("contributor");
    const other = `${GROUP}:classified`;
    await app.write("one.jar", jar(other, "one"));
    await app.deployFile("one.jar", other, version, "-Dsources=one.jar");
    await app.deployFile("one.jar", other, version);
    const listing = await metadata(other, version);
    const parts = snapshots(listing).map(({ classifier, extension, value }) => [classifier, extension, value.split("-").at(-1)]);
    assert.deepEqual(parts.sort(), [["", "jar", "2"], ["", "pom", "2"], ["sources", "jar", "1"]]);
  });

  test("two that deploy parts of one at once both land", async () => {
    const other = `${GROUP}:raced`;
    const classifiers = ["one", "two"];
    // Each takes the next number and the second it is: two whole deploys of one second would take the same name.
    const deployed = classifiers.map(async (classifier) => {
      const app = await feed.maven("contributor");
      await app.write("raced.jar", jar(other, classifier));
      return app.run(app.deployingFile("raced.jar", other, version, `-Dclassifier=${classifier}`, "-DgeneratePom=false"));
    });
    for (const { code, output } of await Promise.all(deployed)) assert.equal(code, 0, output);
    const listing = await metadata(other, version);
    assert.deepEqual(all(listing, "classifier").sort(), classifiers);
    for (const { classifier, value } of snapshots(listing)) {
      assert.equal(await text(`${folder(other, version)}/raced-${value}-${classifier}.jar.sha1`), digest("sha1", jar(other, classifier)));
    }
  });
});

describe("plugins", { skip: missingCompiler() }, () => {
  const deploys = {
    "org.example.hello": ["with metadata of its group", (app) => app.deployingPlugin()],
    "org.example.today": ["without, as today's clients do", (app) => app.deploying()],
  };
  for (const [group, [how, deploying]] of Object.entries(deploys)) {
    test(`a plugin is built, deployed ${how}, and run by its prefix; the upstream's prefixes of the group stay`, async () => {
      const name = `${group}:hello-maven-plugin`;
      upstream.packages.add({ name: `${group}:other-maven-plugin`, prefix: "other", versions: { "1.0": {} } });
      const app = await feed.maven("contributor");
      for (const [path, content] of Object.entries(helloPlugin(name, "1.0"))) await app.write(path, content);
      await app.must(deploying(app));
      const listing = await text(`${group.replaceAll(".", "/")}/maven-metadata.xml`);
      assert.deepEqual(all(listing, "prefix").sort(), ["hello", "other"]);
      const user = await feed.maven("reader", { pluginGroups: [group] });
      const { output } = await user.must(["hello:say"]);
      assert.ok(output.includes(`hello from ${name} 1.0`), output);
    });
  }
});

describe("what is sent is checked", () => {
  const path = (artifact, file) => `${folder(`${GROUP}:${artifact}`, "1.0")}/${file}`;

  test("checksums that a client sends are compared with what was stored", async () => {
    const bytes = jar(`${GROUP}:summed`, "1.0");
    assert.ok((await put(path("summed", "summed-1.0.jar"), bytes)).ok);
    for (const algorithm of ["md5", "sha1", "sha256", "sha512"]) {
      await refused(await put(path("summed", `summed-1.0.jar.${algorithm}`), createHash(algorithm).update("other").digest("hex")), [400, 409], /checksum|digest|hash|sha|md5/i);
      assert.ok((await put(path("summed", `summed-1.0.jar.${algorithm}`), digest(algorithm, bytes))).ok);
    }
    assert.ok((await put(path("summed", "summed-1.0.jar"), bytes)).ok, "the same bytes again");
    await refused(await put(path("summed", "summed-1.0.jar"), jar(`${GROUP}:summed`, "other")), 409, /already/i);
  });

  test("paths that are none of a repository's are refused", async () => {
    const bad = ["file.jar", "org/file.jar", `${folder(`${GROUP}:named`, "1.0")}/..%2F..%2Fnamed-1.0.jar`, path("na%20med", "na%20med-1.0.jar")];
    for (const one of bad) await refused(await put(one, "bytes"), [400, 404, 405, 409], /\w/);
    await refused(await feed.fetch(`${folder(`${GROUP}:named`)}/maven-metadata.xml`), 404);
  });

  test("hostile POMs and listings do no harm", async () => {
    const bomb = '<!DOCTYPE project [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>';
    const documents = [pom(`${GROUP}:hostile`, "1.0").replace("<project", `${bomb}<project`), "<a>".repeat(200_000), "no XML at all"];
    for (const [index, document] of documents.entries()) {
      const place = folder(`${GROUP}:hostile`, `1.${index}`);
      const answer = await put(`${place}/hostile-1.${index}.pom`, document);
      assert.ok(answer.status < 500, `${answer.status}: ${await answer.text()}`);
      const listing = await put(`${folder(`${GROUP}:hostile`)}/maven-metadata.xml`, document);
      assert.ok(listing.status < 500, `${listing.status}: ${await listing.text()}`);
    }
  });

  test("a listing that a client sends does not change what the feed says", async () => {
    const name = `${GROUP}:claimed`;
    assert.ok((await put(path("claimed", "claimed-1.0.pom"), pom(name, "1.0"))).ok);
    const versioning = "<versioning><latest>9.9</latest><release>9.9</release><versions><version>9.9</version></versions></versioning>";
    const claim = `<metadata><groupId>${GROUP}</groupId><artifactId>claimed</artifactId>${versioning}</metadata>`;
    assert.ok((await put(`${folder(name)}/maven-metadata.xml`, claim)).ok);
    assert.ok((await put(`${folder(name)}/maven-metadata.xml.sha1`, digest("sha1", claim))).ok);
    const listing = await metadata(name);
    assert.deepEqual(all(listing, "version"), ["1.0"]);
    for (const algorithm of ["md5", "sha1", "sha256", "sha512"]) assert.equal(await text(`${folder(name)}/maven-metadata.xml.${algorithm}`), digest(algorithm, listing));
  });

  test("files of one version that come at once all land", async () => {
    const name = `${GROUP}:parallel`;
    const classifiers = Array.from({ length: 8 }, (_, index) => `part${index}`);
    const answers = await Promise.all(classifiers.map((classifier) => put(artifactPath(name, "1.0", { classifier }).slice(1), jar(name, classifier))));
    assert.ok(answers.every(({ ok }) => ok), answers.map(({ status }) => status).join());
    for (const classifier of classifiers) assert.equal(await text(`${artifactPath(name, "1.0", { classifier }).slice(1)}.sha1`), digest("sha1", jar(name, classifier)));
  });

  test("a deleted version is gone, and its number is taken for ever", async () => {
    const name = `${GROUP}:buried`;
    for (const version of ["1.0", "1.1"]) assert.ok((await put(artifactPath(name, version).slice(1), jar(name, version))).ok);
    await feed.delete(name, "1.1");
    assert.deepEqual(all(await metadata(name), "version"), ["1.0"]);
    assert.equal((await feed.fetch(artifactPath(name, "1.1").slice(1))).status, 404);
    await refused(await put(artifactPath(name, "1.1").slice(1), jar(name, "1.1")), 409, /deleted/i);
  });
});
