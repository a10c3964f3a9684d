// What a feed adds to a NuGet gallery: saving and roles, registrations of what can be downloaded, the guard, views, several
// sources of both kinds, costs; and that what the upstream says arrives as it said it.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";

import { nupkgPath, startNugetUpstream } from "../upstream/nuget.mjs";
import { nupkg } from "../upstream/nuget-packages.mjs";
import { cost, refused, until } from "./support/edgefeed.mjs";
import { feedMaker } from "./support/feeds.mjs";
import { flatVersions, missing, nuget2, nuget5, resource, resourcePath } from "./support/nuget.mjs";

const newFeed = feedMaker({ protocol: "nuget" });
let upstream;

before(async () => {
  upstream = await startNugetUpstream();
});

after(() => upstream?.stop());

/** The answer to a download through the flat container. */
async function download(feed, id, version, options = {}) {
  const [name, number] = [id.toLowerCase(), version.toLowerCase()];
  const path = await resourcePath(feed, "PackageBaseAddress/3.0.0", `${name}/${number}/${name}.${number}.nupkg`, { view: options.view, role: options.role });
  return feed.fetch(path, options);
}

const bytesOf = async (answer) => Buffer.from(await answer.arrayBuffer());

/** Every entry of a registration, of whatever pages. */
async function entries(feed, id, options = {}) {
  const path = await resourcePath(feed, "RegistrationsBaseUrl/3.6.0", `${id.toLowerCase()}/index.json`, options);
  const { items } = await feed.json(path, options);
  const pages = await Promise.all(items.map(async (page) => page.items ?? (await feed.json(page["@id"].slice(feed.registry(options.view).length), options)).items));
  return pages.flat().map(({ catalogEntry }) => catalogEntry);
}

async function publish(feed, id, version) {
  const body = new FormData();
  body.append("package", new Blob([nupkg(id, version)]), "package.nupkg");
  const path = await resourcePath(feed, "PackagePublish/2.0.0");
  const answer = await feed.fetch(path.replace(/\/?$/, "/"), { method: "PUT", role: "contributor", body });
  assert.ok(answer.ok, `${answer.status}: ${await answer.text()}`);
}

describe("saving", () => {
  test("a reader is refused what only the upstream has, and sees what was saved", async () => {
    upstream.packages.add({ name: "Left", versions: { "1.0.0": {}, "1.1.0": {} } });
    const feed = await newFeed({ sources: [upstream] });
    const text = await refused(await download(feed, "left", "1.0.0", { role: "reader" }), 403, /collaborator/i);
    assert.match(text, /left/i);
    assert.deepEqual(await bytesOf(await download(feed, "Left", "1.0.0")), upstream.packages.archive("left", "1.0.0"));
    const saved = await download(feed, "left", "1.0.0", { role: "reader" });
    assert.deepEqual(await bytesOf(saved), upstream.packages.archive("left", "1.0.0"));
    assert.equal(saved.headers.get("content-encoding"), null);
    assert.deepEqual(await flatVersions(feed, "left", { role: "reader" }), ["1.0.0"]);
    assert.deepEqual(await flatVersions(feed, "left"), ["1.0.0", "1.1.0"]);
    assert.deepEqual((await entries(feed, "left", { role: "reader" })).map(({ version }) => version), ["1.0.0"]);
  });

  test("what the upstream says of a version arrives as it said it, before and after saving", async () => {
    const described = {
      deps: { ".NETStandard2.0": { Right: "[2.0,3.0)" } },
      deprecated: { reasons: ["Legacy", "Other"], message: "use <this>", alternate: "Exact.New" },
      vulnerable: [{ url: "https://advisories.example/7", severity: 3 }],
      time: "2024-05-06T07:08:09.123Z",
      tags: ["one", "two"],
      license: "MIT OR Apache-2.0",
    };
    upstream.packages.add({ name: "Exact", versions: { "1.0": described, "1.1.0": { listed: false } } });
    const feed = await newFeed({ sources: [upstream] });
    for (const version of ["1.0.0", "1.1.0"]) await (await download(feed, "exact", version)).arrayBuffer();
    for (const role of ["collaborator", "reader"]) {
      const [one, unlisted] = await entries(feed, "exact", { role });
      assert.equal(one.version, "1.0");
      assert.equal(new Date(one.published).getTime(), new Date(described.time).getTime());
      assert.deepEqual([one.deprecation.reasons, one.deprecation.message, one.deprecation.alternatePackage.id], [["Legacy", "Other"], "use <this>", "Exact.New"]);
      assert.equal(one.vulnerabilities[0].advisoryUrl, "https://advisories.example/7");
      assert.equal(one.licenseExpression, "MIT OR Apache-2.0");
      assert.equal(one.dependencyGroups[0].targetFramework, ".NETStandard2.0");
      assert.equal(one.dependencyGroups[0].dependencies[0].range, "[2.0,3.0)");
      assert.deepEqual([unlisted.listed, unlisted.published.slice(0, 4)], [false, "1900"]);
      assert.deepEqual(await flatVersions(feed, "exact", { role }), ["1.0.0", "1.1.0"]);
      const entry = await (await feed.fetch("v2/Packages(Id='Exact',Version='1.0')", { role })).text();
      // A registration has no digests; whoever sees what the feed holds gets that of what it holds.
      const [, hash] = /<d:PackageHash>([^<]+)</.exec(entry) ?? [];
      if (role === "reader" || hash) assert.equal(hash, createHash("sha512").update(upstream.packages.archive("exact", "1.0")).digest("base64"));
    }
  });

  test("a first fetch costs few upstream requests, a warm one none", async () => {
    upstream.packages.add({ name: "Cheap", versions: { "1.0.0": {} } });
    const source = { name: "stub", protocol: "nuget", location: upstream.index, upstreamSourceType: "public" };
    const feed = await newFeed({ sources: [source] });
    const listing = await resourcePath(feed, "RegistrationsBaseUrl/3.6.0", "cheap/index.json");
    const archive = await resourcePath(feed, "PackageBaseAddress/3.0.0", "cheap/1.0.0/cheap.1.0.0.nupkg");
    upstream.forget();
    await (await feed.fetch(archive)).arrayBuffer();
    const asked = upstream.requests(({ path }) => path !== "/v3/index.json" && !path.startsWith("/catalog0/")).map(({ path }) => path);
    assert.ok(asked.length <= 2, asked.join());
    await (await feed.fetch(listing)).arrayBuffer();
    upstream.forget();
    await until(async () => {
      const answer = await feed.fetch(listing);
      await answer.arrayBuffer();
      const { r2, kv } = cost(answer);
      return kv <= 1 && r2 <= 1;
    }, { what: "a warm registration for one KV read and one R2 head" });
    const answer = await feed.fetch(archive);
    await answer.arrayBuffer();
    const { r2, kv } = cost(answer);
    assert.ok(r2 <= 2 && kv === 0, `a warm download cost ${r2} R2 and ${kv} KV operations`);
    assert.deepEqual(upstream.requests().map(({ path }) => path), []);
  });
});

/** What one client or another looks for. */
const WANTED = [
  "PackageBaseAddress/3.0.0", "RegistrationsBaseUrl", "RegistrationsBaseUrl/3.4.0", "RegistrationsBaseUrl/3.6.0", "SearchQueryService",
  "SearchQueryService/3.0.0-beta", "SearchQueryService/3.0.0-rc", "SearchQueryService/3.5.0", "SearchAutocompleteService",
  "PackagePublish/2.0.0", "SymbolPackagePublish/4.9.0", "LegacyGallery/2.0.0",
];

describe("documents", () => {
  test("every address is below the index, on the host it was asked by", async () => {
    upstream.packages.add({ name: "Rooted", versions: { "1.0.0": {} } });
    const feed = await newFeed({ sources: [upstream] });
    const { version, resources } = await feed.json("v3/index.json");
    assert.match(version, /^3\./);
    for (const { "@id": address, "@type": type } of resources) assert.ok(address.startsWith(feed.registry()), `${type}: ${address}`);
    const [entry] = await entries(feed, "rooted");
    assert.ok(entry.packageContent.startsWith(feed.registry()));
    const headers = { authorization: `Bearer ${await feed.token("reader")}` };
    const moved = await fetch(`${feed.registry().replace("localhost", "127.0.0.1")}v3/index.json`, { headers });
    assert.ok((await moved.json()).resources.every((one) => one["@id"].startsWith("http://127.0.0.1:")));
    const types = new Set(resources.map((one) => one["@type"]));
    for (const type of WANTED) assert.ok(types.has(type), type);
  });

  test("hives: compressed where they must be, and SemVer 2 only where it is known", async () => {
    upstream.packages.add({ name: "Hived", versions: { "1.0.0": {}, "1.1.0-rc.1": {}, "1.1.0+meta": {} } });
    const feed = await newFeed({ sources: [upstream] });
    const numbers = async (type) => {
      const answer = await feed.fetch(await resourcePath(feed, type, "hived/index.json"));
      assert.equal(answer.status, 200);
      const { items } = await answer.json();
      return [answer.headers.get("content-encoding"), items.flatMap((page) => page.items.map(({ catalogEntry }) => catalogEntry.version))];
    };
    assert.deepEqual((await numbers("RegistrationsBaseUrl"))[1], ["1.0.0"]);
    assert.deepEqual(await numbers("RegistrationsBaseUrl/3.4.0"), ["gzip", ["1.0.0"]]);
    assert.deepEqual(await numbers("RegistrationsBaseUrl/3.6.0"), ["gzip", ["1.0.0", "1.1.0-rc.1", "1.1.0+meta"]]);
  });

  test("more versions than a page holds: pages of their own, leaves, all of them there", async () => {
    upstream.packages.add({ name: "Many", versions: Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`1.0.${index}`, {}])) });
    const feed = await newFeed({ sources: [upstream] });
    const path = await resourcePath(feed, "RegistrationsBaseUrl/3.6.0", "many/index.json");
    const { count, items } = await feed.json(path);
    assert.equal(count, items.length);
    assert.ok(items.every((page) => !page.items && page["@id"].startsWith(feed.registry())));
    assert.equal(items.reduce((sum, page) => sum + page.count, 0), 200);
    const all = await entries(feed, "many");
    assert.deepEqual([all.length, all[0].version, all.at(-1).version], [200, "1.0.0", "1.0.199"]);
    const leaf = await feed.json(path.replace("index.json", "1.0.77.json"));
    assert.equal(leaf.packageContent, all[77].packageContent);
  });

  test("validators, HEAD, ranges, unknown packages", async () => {
    upstream.packages.add({ name: "Valid", versions: { "1.0.0": {} } });
    const feed = await newFeed({ sources: [upstream] });
    const path = await resourcePath(feed, "RegistrationsBaseUrl/3.6.0", "valid/index.json");
    const first = await feed.fetch(path);
    await first.text();
    assert.equal((await feed.fetch(path, { headers: { "if-none-match": first.headers.get("etag") } })).status, 304);
    await (await download(feed, "valid", "1.0.0")).arrayBuffer();
    const head = await download(feed, "valid", "1.0.0", { method: "HEAD" });
    assert.equal(Number(head.headers.get("content-length")), upstream.packages.archive("valid", "1.0.0").length);
    const part = await download(feed, "valid", "1.0.0", { headers: { range: "bytes=0-3" } });
    assert.deepEqual([part.status, (await bytesOf(part)).toString("latin1")], [206, "PK\x03\x04"]);
    assert.deepEqual(await flatVersions(feed, "absent"), []);
    assert.equal((await feed.fetch(path.replace("/valid/", "/absent/"))).status, 404);
    assert.equal((await download(feed, "valid", "9.9.9")).status, 404);
  });

  test("manifest, icon and readme come out of the archive", async () => {
    const icon = Buffer.from("\x89PNG not really", "latin1");
    const feed = await newFeed();
    const body = new FormData();
    body.append("package", new Blob([nupkg("Dressed", "1.0.0", { icon, readme: "# Hello\n" })]), "package.nupkg");
    assert.ok((await feed.fetch(`${await resourcePath(feed, "PackagePublish/2.0.0")}/`, { method: "PUT", role: "contributor", body })).ok);
    const flat = await resourcePath(feed, "PackageBaseAddress/3.0.0", "dressed/1.0.0/");
    assert.match(await (await feed.fetch(`${flat}dressed.nuspec`)).text(), /<id>Dressed<\/id>/);
    assert.deepEqual(await bytesOf(await feed.fetch(`${flat}icon`)), icon);
    const template = await resource(feed, "ReadmeUriTemplate/6.13.0");
    const readme = template.replace("{lower_id}", "dressed").replace("{lower_version}", "1.0.0");
    assert.equal(await (await fetch(readme, { headers: { authorization: `Bearer ${await feed.token("reader")}` } })).text(), "# Hello\n");
  });

  test("search and autocomplete tell of what the feed holds", async () => {
    const feed = await newFeed({ sources: [upstream] });
    for (const [id, version] of [["Found.One", "1.0.0"], ["Found.One", "1.1.0"], ["Found.Two", "2.0.0-rc.1"], ["Other", "1.0.0"]]) await publish(feed, id, version);
    const query = async (text) => feed.json(await resourcePath(feed, "SearchQueryService/3.5.0", text));
    await until(async () => (await query("?q=found&prerelease=false&semVerLevel=2.0.0")).totalHits === 1, { what: "the package in the search" });
    const { data } = await query("?q=found&prerelease=false&semVerLevel=2.0.0");
    assert.deepEqual([data[0].id, data[0].version, data[0].versions.map(({ version }) => version)], ["Found.One", "1.1.0", ["1.0.0", "1.1.0"]]);
    assert.deepEqual((await query("?q=found&prerelease=true&semVerLevel=2.0.0&take=1&skip=1")).data.map(({ id }) => id), ["Found.Two"]);
    const complete = async (text) => (await feed.json(await resourcePath(feed, "SearchAutocompleteService/3.5.0", text))).data;
    assert.deepEqual(await complete("?q=found&prerelease=true&semVerLevel=2.0.0"), ["Found.One", "Found.Two"]);
    assert.deepEqual(await complete("?id=found.one&prerelease=true"), ["1.0.0", "1.1.0"]);
  });

  test("vulnerabilities that the upstream knows are passed on in pages of our own", async () => {
    upstream.packages.add({ name: "Holed", versions: { "1.0.0": { vulnerable: [{ url: "https://advisories.example/9", severity: 1 }] } } });
    const feed = await newFeed({ sources: [upstream] });
    const path = await resourcePath(feed, "VulnerabilityInfo/6.7.0");
    await until(async () => {
      const pages = await feed.json(path);
      assert.ok(pages.every((page) => page["@id"].startsWith(feed.registry())));
      const whole = Object.assign({}, ...(await Promise.all(pages.map((page) => feed.json(page["@id"].slice(feed.registry().length))))));
      return whole.holed?.[0].url === "https://advisories.example/9";
    }, { what: "the advisory" });
  });
});

describe("the guard against dependency confusion", () => {
  test("a name published here shadows the upstream's, in any spelling, until it is allowed", { skip: missing() }, async () => {
    const feed = await newFeed({ sources: [upstream] });
    await publish(feed, "Inner.Tool", "1.0.0");
    upstream.packages.add({ name: "inner.tool", versions: { "98.0.0": {}, "99.0.0": {} } });
    assert.deepEqual(await flatVersions(feed, "INNER.tool"), ["1.0.0"]);
    await refused(await download(feed, "inner.tool", "99.0.0"), [403, 404]);
    for (const client of [nuget5, nuget2]) {
      const app = await feed.nuget(client, "collaborator");
      await app.install("Inner.Tool");
      assert.deepEqual(app.installed(), { "Inner.Tool": "1.0.0" });
    }
    await feed.allowExternal("Inner.Tool");
    await until(async () => (await flatVersions(feed, "inner.tool")).length === 3);
    assert.equal((await download(feed, "inner.tool", "99.0.0")).status, 200);
  });
});

describe("views and sources", () => {
  test("a view shows promoted versions only, with addresses of its own", { skip: missing() }, async () => {
    const feed = await newFeed({ sources: [upstream] });
    for (const version of ["1.0.0", "1.1.0"]) await publish(feed, "Staged", version);
    const view = "Release";
    assert.deepEqual(await flatVersions(feed, "staged", { view }), []);
    await feed.promote("Staged", "1.0.0", view);
    assert.deepEqual((await entries(feed, "staged", { view })).map(({ version }) => version), ["1.0.0"]);
    assert.ok((await resource(feed, "PackageBaseAddress/3.0.0", { view })).startsWith(feed.registry(view)));
    for (const client of [nuget5, nuget2]) {
      const app = await feed.nuget(client, "reader", { view });
      await app.install("Staged");
      assert.deepEqual(app.installed(), { Staged: "1.0.0" });
    }
    await refused(await download(feed, "staged", "1.1.0", { view }), 404);
  });

  for (const [what, options] of Object.entries({
    "v3": {},
    "a thin v3": { thin: true },
    "OData only": { oldOnly: true, pageSize: 3 },
    "OData only, without digests": { oldOnly: true, thin: true },
    "archives on another host": { filesBase: () => upstream.url.replace("127.0.0.1", "localhost") },
  })) {
    test(`a source that is ${what}`, async () => {
      const other = await startNugetUpstream(options);
      try {
        const versions = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`1.${index}`, {}]));
        for (const one of [other, upstream]) one.packages.add({ name: "Sourced", versions: { ...versions, "2.0.0-beta": { listed: false } } });
        const feed = await newFeed({ sources: [other] });
        assert.deepEqual(await flatVersions(feed, "sourced"), [...Array.from({ length: 8 }, (_, index) => `1.${index}.0`), "2.0.0-beta"]);
        assert.deepEqual(await bytesOf(await download(feed, "sourced", "1.3.0")), other.packages.archive("sourced", "1.3"));
        assert.equal((await download(feed, "sourced", "1.3.0", { role: "reader" })).status, 200);
        assert.equal((await entries(feed, "sourced")).find(({ version }) => version.includes("beta")).listed, false);
        assert.deepEqual(await flatVersions(feed, "absent"), []);
      } finally {
        await other.stop();
      }
    });
  }

  test("several sources give the union; the first supplies a number that both have; another feed's view is one", async () => {
    const other = await startNugetUpstream({ oldOnly: true });
    try {
      upstream.packages.add({ name: "Shared", versions: { "1.0": { ballast: 1 }, "1.1.0": {} } });
      other.packages.add({ name: "shared", versions: { "1.0.0.0": { ballast: 2 }, "2.0.0": {} } });
      const feed = await newFeed({ sources: [upstream, other] });
      assert.deepEqual(await flatVersions(feed, "shared"), ["1.0.0", "1.1.0", "2.0.0"]);
      assert.deepEqual(await bytesOf(await download(feed, "shared", "1.0.0")), upstream.packages.archive("shared", "1.0"));
      assert.deepEqual(await bytesOf(await download(feed, "shared", "2.0.0")), other.packages.archive("shared", "2.0.0"));
      const outer = await newFeed({ sources: [feed] });
      assert.deepEqual(await flatVersions(outer, "shared"), ["1.0.0", "2.0.0"]);
      assert.equal((await download(outer, "shared", "2.0.0")).status, 200);
    } finally {
      await other.stop();
    }
  });

  test("another feed of this server, read over HTTP as any server, through v3 and through OData", async () => {
    const inner = await newFeed({ isPublic: true });
    await publish(inner, "Chained", "1.0.0");
    for (const root of ["v3/index.json", "v2/"]) {
      const source = { name: "chained", protocol: "nuget", location: inner.registry() + root, upstreamSourceType: "public" };
      const feed = await newFeed({ sources: [source] });
      assert.deepEqual(await flatVersions(feed, "chained"), ["1.0.0"], root);
      assert.deepEqual(await bytesOf(await download(feed, "chained", "1.0.0")), nupkg("Chained", "1.0.0"));
    }
  });

  test("what the upstream unlists or removes later: the mark arrives, what was saved stays", async () => {
    upstream.packages.add({ name: "Moving", versions: { "1.0.0": {}, "1.1.0": {} } });
    const feed = await newFeed({ sources: [upstream] });
    await (await download(feed, "moving", "1.1.0")).arrayBuffer();
    upstream.packages.unlist("moving", "1.1.0");
    await until(async () => (await entries(feed, "moving")).find(({ version }) => version === "1.1.0").listed === false, { what: "the mark" });
    upstream.packages.remove("moving", "1.1.0");
    assert.equal((await fetch(new URL(nupkgPath("moving", "1.1.0"), upstream.url))).status, 404);
    assert.equal((await download(feed, "moving", "1.1.0", { role: "reader" })).status, 200);
  });
});
