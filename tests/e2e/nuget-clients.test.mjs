// NuGet's clients against one feed: nuget.exe 5.8 through v3 and 2.8 through OData, both on Mono. Install by number and
// without one, restore, list, local caches; as a collaborator, as a reader, without the upstream.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";

import { nupkgPath, startNugetUpstream } from "../upstream/nuget.mjs";
import { normalizedVersion } from "../upstream/nuget-packages.mjs";
import { startEdgefeed, until } from "./support/edgefeed.mjs";
import { missing, nuget2, nuget5, nugetClients, NugetWorkspace } from "./support/nuget.mjs";

let edgefeed;
let upstream;

before(async () => {
  upstream = await startNugetUpstream({ pageSize: 2 });
  upstream.packages.add({
    name: "Left.Pad",
    versions: {
      "1.0": {},
      // Below the latest: nuget.exe 5.8 takes the latest version even if it is unlisted.
      "1.0.5": { listed: false },
      "1.1.0": { deps: { ".NETFramework4.0": { Right: "[2.0,3.0)" }, ".NETStandard2.0": { Right: "[2.0,3.0)" } }, tags: ["sided"] },
      "2.0.0-beta": { deps: { Right: "3.0.0" } },
      "2.0.0-beta.2+meta": {},
    },
  });
  upstream.packages.add({ name: "Right", versions: { "2.0.0": {}, "2.1.0.0": {}, "3.0.0": {} } });
  edgefeed = await startEdgefeed();
});

afterEach(() => upstream.up());

after(async () => {
  await edgefeed?.stop();
  await upstream?.stop();
});

/** What was installed, with numbers as the gallery compares them. */
function installed(app) {
  return Object.fromEntries(Object.entries(app.installed()).map(([id, version]) => [id.toLowerCase(), normalizedVersion(version)]));
}

for (const client of nugetClients) {
  describe(client.name, { skip: missing() }, () => {
    let feed;

    before(async () => {
      feed = await edgefeed.feed({ protocol: "nuget", sources: [upstream] });
    });

    after(() => feed?.dispose());

    test("installs the latest with what it needs, one by its number in another spelling, a prerelease", async () => {
      const app = await feed.nuget(client, "collaborator");
      await app.install("left.PAD");
      assert.deepEqual(installed(app), { "left.pad": "1.1.0", right: "2.0.0" });
      await app.clear();
      await app.install("Left.Pad", "1.0.0.0");
      assert.deepEqual(installed(app), { "left.pad": "1.0.0" });
      await app.clear();
      await app.install("Left.Pad", "2.0.0-BETA", "-Prerelease");
      assert.deepEqual(installed(app), { "left.pad": "2.0.0-beta", right: "3.0.0" });
    });

    test("restores packages.config, an unlisted version among it; then without the upstream; then as a reader", async () => {
      const app = await feed.nuget(client, "collaborator");
      const wanted = { "Left.Pad": "1.0.5", Right: "2.1.0" };
      await app.restore(wanted);
      assert.deepEqual(installed(app), { "left.pad": "1.0.5", right: "2.1.0" });
      await upstream.down();
      await app.clear();
      await app.restore(wanted);
      await app.clear();
      await app.configure({ token: await feed.token("reader") });
      await app.restore(wanted);
      assert.deepEqual(installed(app), { "left.pad": "1.0.5", right: "2.1.0" });
    });

    test("a reader gets what was saved, and is refused the rest", async () => {
      const app = await feed.nuget(client, "collaborator");
      await app.install("Left.Pad", "1.0.0");
      const reader = await feed.nuget(client, "reader");
      await reader.install("Left.Pad", "1.0.0");
      assert.deepEqual(installed(reader), { "left.pad": "1.0.0" });
      upstream.packages.add({ name: `Unsaved.${client.name}`, versions: { "1.0.0": {} } });
      const { output } = await reader.mustFail(reader.installing(`Unsaved.${client.name}`, "1.0.0"));
      assert.match(output, /unable to find|not found|collaborator|403/i);
    });

    test("an anonymous user of a private feed is asked for credentials, and wrong ones are refused", async () => {
      const stranger = await feed.nuget(client, "anonymous");
      assert.match((await stranger.mustFail(stranger.installing("Left.Pad", "1.0.0"))).output, /401|unauthorized|credentials/i);
      await stranger.configure({ token: "not-a-token" });
      assert.match((await stranger.mustFail(stranger.installing("Left.Pad", "1.0.0"))).output, /401|unauthorized|credentials/i);
    });

    test("installs what it does against the upstream directly", async () => {
      const direct = await NugetWorkspace.create(client, { source: new URL(client.root, upstream.url).href });
      const through = await feed.nuget(client, "collaborator");
      try {
        for (const app of [direct, through]) await app.install("Left.Pad");
        assert.deepEqual(installed(through), installed(direct));
      } finally {
        await direct.dispose();
      }
    });
  });
}

describe("nuget-5", { skip: missing() }, () => {
  let feed;
  let app;

  before(async () => {
    feed = await edgefeed.feed({ protocol: "nuget", sources: [upstream] });
    app = await feed.nuget(nuget5, "collaborator");
    for (const version of ["1.0.0", "1.0.5", "1.1.0", "2.0.0-beta"]) {
      await app.clear();
      await app.restore({ "Left.Pad": version });
    }
  });

  after(() => feed?.dispose());

  test("list: what the feed holds, the latest or all, without what is unlisted", async () => {
    const common = ["-Source", app.source, "-NonInteractive", "-ConfigFile", `${app.project}/NuGet.Config`];
    const list = async (...args) => (await app.must(["list", "left", ...common, ...args])).stdout;
    await until(async () => /Left\.Pad 1\.1\.0/.test(await list()), { what: "the package in the list" });
    const all = await list("-AllVersions", "-Prerelease");
    for (const version of ["1.0.0", "1.1.0", "2.0.0-beta"]) assert.match(all, new RegExp(`Left\\.Pad ${version}\\s`, "i"));
    assert.doesNotMatch(all, /1\.0\.5/);
  });

  test("locals: what was fetched is in its caches, and they may be cleared", async () => {
    await app.clear();
    await app.install("Left.Pad", "1.0.0");
    const { stdout } = await app.must(["locals", "all", "-list"]);
    assert.match(stdout, /global-packages: /);
    await app.must(["locals", "all", "-clear"]);
    await app.clear();
    await app.install("Left.Pad", "1.0.0");
    assert.deepEqual(installed(app), { "left.pad": "1.0.0" });
  });

  test("a SemVer 2 version by its number, and a restore of many at once", async () => {
    await app.clear();
    await app.install("Left.Pad", "2.0.0-beta.2", "-Prerelease");
    assert.deepEqual(installed(app), { "left.pad": "2.0.0-beta.2" });
    const names = Array.from({ length: 40 }, (_, index) => `Part${index}.Of`);
    for (const name of names) upstream.packages.add({ name, versions: { "1.0.0": { ballast: 20_000 } } });
    await app.clear();
    await app.restore(Object.fromEntries(names.map((name) => [name, "1.0.0"])));
    assert.equal(Object.keys(installed(app)).length, 40);
    for (const name of names) assert.ok(upstream.count(nupkgPath(name, "1.0.0")) <= 1, name);
  });

  test("a package of more versions than a page holds: the last, and one of the first", async () => {
    upstream.packages.add({ name: "Many", versions: Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`1.0.${index}`, {}])) });
    await app.clear();
    await app.install("Many");
    assert.deepEqual(installed(app), { many: "1.0.149" });
    await app.clear();
    await app.install("Many", "1.0.3");
    assert.deepEqual(installed(app), { many: "1.0.3" });
  });
});

describe("an upstream that speaks OData only", { skip: missing() }, () => {
  for (const client of nugetClients) {
    test(`${client.name} installs from it through the feed`, async () => {
      const old = await startNugetUpstream({ oldOnly: true, pageSize: 2 });
      old.packages.add({ name: "Aged", versions: { "1.0": {}, "1.1": {}, "1.2": { deps: { Aged2: "1.0" } }, "2.0-beta": {} } });
      old.packages.add({ name: "Aged2", versions: { "1.0": {} } });
      const feed = await edgefeed.feed({ protocol: "nuget", sources: [old] });
      try {
        const app = await feed.nuget(client, "collaborator");
        await app.install("aged");
        assert.deepEqual(installed(app), { aged: "1.2.0", aged2: "1.0.0" });
        await old.down();
        await app.clear();
        await app.configure({ token: await feed.token("reader") });
        await app.install("aged", client === nuget2 ? "1.2" : "1.2.0");
        assert.deepEqual(installed(app), { aged: "1.2.0", aged2: "1.0.0" });
      } finally {
        await feed.dispose();
        await old.stop();
      }
    });
  }
});
