// Real Maven, Ivy and coursier against a feed: resolving with parents, ranges, classifiers, plugins by prefix; as a
// collaborator, as a reader, without the upstream. Gradle cannot be run here; what it asks for is replayed.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, afterEach, before, describe, test } from "node:test";

import { artifactPath, startMavenUpstream } from "../upstream/maven.mjs";
import { startEdgefeed } from "./support/edgefeed.mjs";
import { coursier, CoursierWorkspace, ivy, IvyWorkspace, missingProgram } from "./support/java.mjs";
import { goal, MavenWorkspace, missing } from "./support/maven.mjs";

const LEFT = "org.example:left";
const RIGHT = "org.example.deep:right";

let edgefeed;
let upstream;

before(async () => {
  upstream = await startMavenUpstream();
  upstream.packages.add({ name: "org.example:parent", versions: { 1: { packaging: "pom", managed: [`${RIGHT}:2.1`] } } });
  upstream.packages.add({
    name: LEFT,
    versions: {
      "1.0": {},
      "1.1": { parent: "org.example:parent:1", deps: [`${RIGHT}:2.0`], classifiers: ["sources", "tests"], module: true, signed: true },
      "2.0-rc-1": {},
    },
  });
  upstream.packages.add({ name: RIGHT, versions: { "2.0": {}, "2.1": {}, "2.1.1": {} } });
  upstream.packages.add({ name: "org.example:right-range", versions: { "1.0": { deps: [`${RIGHT}:[2.0,2.1]`] } } });
  edgefeed = await startEdgefeed();
});

afterEach(() => upstream.up());

after(async () => {
  await edgefeed?.stop();
  await upstream?.stop();
});

describe("mvn", { skip: missing() }, () => {
  let feed;

  before(async () => {
    feed = await edgefeed.feed({ protocol: "maven", sources: [upstream] });
  });

  after(() => feed?.dispose());

  const wanted = [`${LEFT}:1.1`, { id: `${LEFT}:1.1`, classifier: "sources" }, "org.example:right-range:1.0"];
  const found = ["left-1.1-sources.jar", "left-1.1.jar", "right-2.0.jar", "right-range-1.0.jar"];

  test("resolves from empty, then again without the upstream, then as a reader", async () => {
    const app = await feed.maven("collaborator");
    await app.resolve(wanted);
    assert.deepEqual(app.libraries(), found);
    await upstream.down();
    await app.resolve(wanted);
    assert.deepEqual(app.libraries(), found);
    await app.configure({ token: await feed.token("reader") });
    await app.resolve(wanted);
    assert.deepEqual(app.libraries(), found);
  });

  test("resolves as it does against the upstream directly: releases, ranges, prereleases", async () => {
    const direct = await MavenWorkspace.create({ url: upstream.url });
    const through = await feed.maven("collaborator");
    try {
      for (const deps of [[`${LEFT}:[1.0,2.0)`], [`${RIGHT}:RELEASE`], [`${LEFT}:LATEST`]]) {
        for (const app of [direct, through]) await app.resolve(deps);
        assert.deepEqual(through.libraries(), direct.libraries());
      }
    } finally {
      await direct.dispose();
    }
  });

  test("insists on checksums, and finds them right", async () => {
    const app = await feed.maven("collaborator");
    await app.resolve(wanted, "-C");
    assert.deepEqual(app.libraries(), found);
  });

  test("a reader is told what saving takes; what nobody has is not found", async () => {
    upstream.packages.add({ name: "org.example:unsaved", versions: { "1.0": {} } });
    const reader = await feed.maven("reader");
    await assert.rejects(reader.resolve(["org.example:unsaved:1.0"]), /403|collaborator|forbidden|could not find/i);
    const app = await feed.maven("collaborator");
    await assert.rejects(app.resolve(["org.example:absent:1.0"]), /could not find artifact/i);
  });

  test("an anonymous user of a private feed is asked for credentials; a public feed shows what is local", async () => {
    const stranger = await feed.maven("anonymous");
    await assert.rejects(stranger.resolve([`${LEFT}:1.0`]), /401|unauthorized|authentication/i);
    const open = await edgefeed.feed({ protocol: "maven", sources: [upstream], isPublic: true });
    try {
      await (await open.maven("collaborator")).resolve([`${LEFT}:1.0`]);
      const visitor = await open.maven("anonymous");
      await visitor.resolve([`${LEFT}:1.0`]);
      assert.deepEqual(visitor.libraries(), ["left-1.0.jar"]);
    } finally {
      await open.dispose();
    }
  });

  test("a new version upstream is seen by -U", async () => {
    const app = await feed.maven("collaborator");
    await app.resolve([`${RIGHT}:[2.1,3.0)`]);
    assert.deepEqual(app.libraries(), ["right-2.1.1.jar"]);
    upstream.packages.publish(RIGHT, "2.2");
    await app.must([...app.resolving(), "-U"]);
    assert.deepEqual(app.libraries(), ["right-2.1.1.jar", "right-2.2.jar"]);
  });

  test("dependency:get by coordinates", async () => {
    const app = await feed.maven("collaborator");
    await app.must([goal("dependency", "get"), `-Dartifact=${RIGHT}:2.0`]);
    assert.ok(app.resolved(RIGHT, "2.0"));
  });
});

describe("ivy", { skip: missingProgram(ivy) }, () => {
  test("resolves, also without the upstream and as a reader", async () => {
    const feed = await edgefeed.feed({ protocol: "maven", sources: [upstream] });
    try {
      const app = await IvyWorkspace.create({ url: feed.registry(), token: await feed.token("collaborator") });
      await app.resolve(`${LEFT}:1.1`);
      assert.deepEqual(app.libraries(), ["left-1.1.jar", "right-2.0.jar"]);
      await upstream.down();
      await app.configure({ token: await feed.token("reader") });
      await app.resolve(`${LEFT}:1.1`);
      assert.deepEqual(app.libraries(), ["left-1.1.jar", "right-2.0.jar"]);
      await app.dispose();
    } finally {
      await feed.dispose();
    }
  });
});

describe("coursier", { skip: missingProgram(coursier) }, () => {
  test("fetches, also without the upstream and as a reader; ranges", async () => {
    const feed = await edgefeed.feed({ protocol: "maven", sources: [upstream] });
    try {
      const app = await CoursierWorkspace.create({ url: feed.registry(), token: await feed.token("collaborator") });
      assert.deepEqual(await app.fetch(`${LEFT}:1.1`), ["left-1.1.jar", "right-2.0.jar"]);
      assert.deepEqual(await app.fetch(`${LEFT}:[1.0,1.9)`), ["left-1.1.jar", "right-2.0.jar"]);
      await upstream.down();
      await app.configure({ token: await feed.token("reader") });
      await app.clear();
      assert.deepEqual(await app.fetch(`${LEFT}:1.1`), ["left-1.1.jar", "right-2.0.jar"]);
      await app.dispose();
    } finally {
      await feed.dispose();
    }
  });
});

// A replay: the requests that Gradle is known to send for a dependency with module metadata, and for one without.
describe("Gradle, replayed", () => {
  const sha = (algorithm, bytes) => createHash(algorithm).update(bytes).digest("hex");

  test("the POM with its marker, then the module, then the file; checksums and signatures for its verification", async () => {
    const feed = await edgefeed.feed({ protocol: "maven", sources: [upstream] });
    try {
      const get = (name, version, about, suffix = "") => feed.fetch(artifactPath(name, version, about).slice(1) + suffix, { headers: { "user-agent": "Gradle/8.10" } });
      const pom = await (await get(LEFT, "1.1", { extension: "pom" })).text();
      assert.match(pom, /published-with-gradle-metadata/);
      const { variants } = await (await get(LEFT, "1.1", { extension: "module" })).json();
      const bytes = Buffer.from(await (await get(LEFT, "1.1")).arrayBuffer());
      assert.equal(variants[0].files[0].sha256, sha("sha256", bytes));
      for (const algorithm of ["md5", "sha1", "sha256", "sha512"]) {
        assert.equal((await (await get(LEFT, "1.1", {}, `.${algorithm}`)).text()).trim(), sha(algorithm, bytes), algorithm);
      }
      assert.match(await (await get(LEFT, "1.1", {}, ".asc")).text(), /BEGIN PGP SIGNATURE/);
      assert.equal((await get(RIGHT, "2.0", { extension: "module" })).status, 404);
      const listing = await feed.fetch("org/example/left/maven-metadata.xml");
      assert.match(await listing.text(), /<version>2\.0-rc-1<\/version>/);
    } finally {
      await feed.dispose();
    }
  });
});
