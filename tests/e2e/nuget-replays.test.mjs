// Clients that cannot be run here: the dotnet command line, PowerShellGet 2, PSResourceGet and Chocolatey. These tests are
// replays: they send the requests that those programs are known to send, with their headers, and look for what they read
// in the answers. What a program does with an answer is not shown by them.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { startNugetUpstream } from "../upstream/nuget.mjs";
import { nupkg } from "../upstream/nuget-packages.mjs";
import { refused, startEdgefeed, until } from "./support/edgefeed.mjs";
import { resource } from "./support/nuget.mjs";

let edgefeed;
let upstream;
let feed;

before(async () => {
  upstream = await startNugetUpstream();
  const vulnerable = [{ url: "https://advisories.example/3", severity: 2 }];
  upstream.packages.add({ name: "Serilog.Like", versions: { "1.0.0": { vulnerable }, "2.0.0": { deps: { ".NETStandard2.0": { Newton: "13.0.1" } } }, "3.0.0-dev.1": {} } });
  upstream.packages.add({ name: "Newton", versions: { "13.0.1": {}, "13.0.3": {} } });
  const modules = ["4.9.0", "5.0.0", "5.10.0", "5.2.0", "6.0.0-alpha1"].map((version) => [version, MODULE]);
  upstream.packages.add({ name: "Pester.Like", versions: Object.fromEntries(modules) });
  edgefeed = await startEdgefeed();
  feed = await edgefeed.feed({ protocol: "nuget", sources: [upstream] });
  for (const [id, version, about] of MADE_HERE) await push(id, version, about);
});

after(async () => {
  await feed?.dispose();
  await edgefeed?.stop();
  await upstream?.stop();
});

const MODULE = { tags: ["PSModule", "PSCommand_Invoke-It", "PSEdition_Core"] };
const MADE_HERE = [
  ["House.Module", "1.0.0", MODULE],
  ["House.Module", "1.2.0", MODULE],
  ["House.Module", "1.10.0", MODULE],
  ["House.Module", "2.0.0-preview1", MODULE],
  ["House.Script", "1.0.0", { tags: ["PSScript"] }],
  ["house.tool", "1.0.0", { tags: ["admin"] }],
  ["house.tool", "1.1.0", { tags: ["admin"] }],
];

/** `dotnet nuget push`, as far as it can be seen from outside: chunked multipart, the token as a key. */
async function push(id, version, about, { token } = {}) {
  const body = new FormData();
  body.append("package", new Blob([nupkg(id, version, about)], { type: "application/octet-stream" }), "package.nupkg");
  const client = { "x-nuget-client-version": "6.12.1", "x-nuget-protocol-version": "4.1.0", "user-agent": "NuGet Command Line/6.12.1" };
  const headers = { "x-nuget-apikey": token ?? (await feed.token("contributor")), ...client };
  const address = (await resource(feed, "PackagePublish/2.0.0")).replace(/\/?$/, "/");
  return fetch(address, { method: "PUT", headers, body });
}

/** A GET with a password, as a client of that name sends it. */
async function get(address, { agent = "NuGet .NET Core MSBuild Task/6.12.1", role = "collaborator", accept } = {}) {
  const basic = Buffer.from(`edgefeed:${await feed.token(role)}`).toString("base64");
  return fetch(address, { headers: { "user-agent": agent, authorization: `Basic ${basic}`, ...(accept && { accept }) } });
}

async function json(address, options) {
  const answer = await get(address, options);
  assert.equal(answer.status, 200, `${address} -> ${answer.status}`);
  return answer.json();
}

/** `[id, version]` of the entries of an Atom feed, and what else stands in it. */
async function atom(address, options = {}) {
  const answer = await get(address, { agent: "NuGet", accept: "application/atom+xml, application/xml", ...options });
  const text = await answer.text();
  assert.equal(answer.status, 200, `${address} -> ${answer.status}: ${text.slice(0, 300)}`);
  assert.match(answer.headers.get("content-type"), /^application\/(atom\+)?xml/);
  const all = (name) => [...text.matchAll(new RegExp(`<d:${name}(?: [^>]*)?>([^<]*)<`, "g"))].map(([, value]) => value);
  const [ids, versions] = [all("Id"), all("Version")];
  return { text, found: ids.map((id, index) => [id, versions[index]]), count: Number(/<m:count>(\d+)</.exec(text)?.[1] ?? NaN) };
}

const v2 = (path) => `${feed.registry()}v2/${path}`;

describe("dotnet", () => {
  test("restore: index, versions of each package, archives", async () => {
    const { resources } = await json(`${feed.registry()}v3/index.json`);
    const flat = resources.find((one) => one["@type"] === "PackageBaseAddress/3.0.0")["@id"].replace(/\/?$/, "/");
    assert.deepEqual((await json(`${flat}serilog.like/index.json`)).versions, ["1.0.0", "2.0.0", "3.0.0-dev.1"]);
    assert.deepEqual((await json(`${flat}newton/index.json`)).versions, ["13.0.1", "13.0.3"]);
    for (const [id, version] of [["serilog.like", "2.0.0"], ["newton", "13.0.1"]]) {
      const archive = await get(`${flat}${id}/${version}/${id}.${version}.nupkg`);
      assert.deepEqual(Buffer.from(await archive.arrayBuffer()), upstream.packages.archive(id, version));
    }
    assert.equal((await get(`${flat}absent/index.json`)).status, 404);
  });

  test("without credentials first: asked for them by Basic, at every address of the index", async () => {
    for (const address of [`${feed.registry()}v3/index.json`, await resource(feed, "PackageBaseAddress/3.0.0")]) {
      const answer = await fetch(`${address}${address.endsWith(".json") ? "" : "newton/index.json"}`);
      assert.equal(answer.status, 401);
      assert.match(answer.headers.get("www-authenticate"), /^Basic/);
    }
  });

  test("restore's audit: the pages of known vulnerabilities", async () => {
    const index = await resource(feed, "VulnerabilityInfo/6.7.0");
    await until(async () => {
      const pages = await json(index);
      assert.ok(pages.length >= 1 && pages.length <= 16);
      for (const page of pages) assert.ok(page["@name"] && page["@id"] && page["@updated"]);
      const contents = await Promise.all(pages.map((page) => json(page["@id"])));
      const said = contents.flatMap((content) => content["serilog.like"] ?? []);
      return said.length === 1 && said[0].severity === 2 && said[0].versions.includes("1.0.0");
    }, { what: "the advisory" });
  });

  test("list package --outdated, --deprecated, --vulnerable: the registration", async () => {
    const hive = await resource(feed, "RegistrationsBaseUrl/3.6.0");
    const { items } = await json(`${hive.replace(/\/?$/, "/")}serilog.like/index.json`);
    const [first] = items[0].items.map(({ catalogEntry }) => catalogEntry);
    assert.equal(first.vulnerabilities[0].advisoryUrl, "https://advisories.example/3");
  });

  test("package search", async () => {
    const query = await resource(feed, "SearchQueryService/3.5.0");
    const hits = async () => json(`${query}?q=house.tool&skip=0&take=20&prerelease=false&semVerLevel=2.0.0`);
    await until(async () => (await hits()).totalHits === 1, { what: "the package in the search" });
    const { data: [{ id, version, versions }] } = await hits();
    assert.deepEqual([id, version, versions.length], ["house.tool", "1.1.0", 2]);
  });

  test("nuget push twice, nuget delete", async () => {
    assert.equal((await push("Pushed.Twice", "1.0.0", {})).status, 201);
    await refused(await push("Pushed.Twice", "1.0.0", { description: "other bytes" }), 409);
    const warned = await push("Pushed.Never", "1.0.0", {}, { token: await feed.token("reader") });
    assert.match(warned.headers.get("x-nuget-warning") ?? "", /contributor/i);
    await refused(warned, 403, /contributor/i);
    const address = (await resource(feed, "PackagePublish/2.0.0")).replace(/\/?$/, "/");
    const headers = { "x-nuget-apikey": await feed.token("contributor"), "x-nuget-client-version": "6.12.1" };
    assert.equal((await fetch(`${address}Pushed.Twice/1.0.0`, { method: "DELETE", headers })).status, 204);
    assert.equal((await fetch(`${address}Pushed.Never/1.0.0`, { method: "DELETE", headers })).status, 404);
  });
});

describe("PowerShellGet 2", () => {
  const agent = "NuGet/2.8.5 (PowerShellGet)";

  test("Register-PSRepository: the root and the model", async () => {
    assert.match(await (await get(v2(""), { agent })).text(), /<collection href="Packages"/);
    const model = await (await get(v2("$metadata"), { agent })).text();
    for (const name of ["V2FeedPackage", "Search", "FindPackagesById", "GetUpdates"]) assert.match(model, new RegExp(`Name="${name}"`));
  });

  test("Find-Module by name: every version, with what it reads of one", async () => {
    const { found, text } = await atom(v2("FindPackagesById()?id='house.module'&$skip=0&$top=40"), { agent });
    assert.deepEqual(found.filter(([, version]) => !version.includes("-")).map(([, version]) => version).sort(), ["1.0.0", "1.10.0", "1.2.0"]);
    const read = ["Dependencies", "PackageHash", "PackageHashAlgorithm", "PackageSize", "Published", "IsLatestVersion", "Tags"];
    for (const name of read) assert.match(text, new RegExp(`<d:${name}[ />]`), name);
    assert.match(text, /<content type="application\/zip" src="[^"]+\/package\/House\.Module\/1\.10\.0"/i);
    assert.deepEqual((await atom(v2("FindPackagesById()?id='absent'&$skip=0&$top=40"), { agent })).found, []);
  });

  test("Find-Module by tag and Install-Module", async () => {
    const search = "Search()?$filter=IsLatestVersion&searchTerm='tag:PSModule house'&targetFramework=''&includePrerelease=false&$skip=0&$top=40";
    await until(async () => (await atom(v2(search), { agent })).found.some(([id]) => id === "House.Module"), { what: "the module in the search" });
    const archive = await get(v2("package/house.module/1.2.0"), { agent });
    assert.equal(archive.headers.get("content-type"), "application/zip");
    assert.deepEqual(Buffer.from(await archive.arrayBuffer()), nupkg("House.Module", "1.2.0", MODULE));
  });
});

describe("PSResourceGet", () => {
  const agent = "PSResourceGet/1.1.0";
  const named = (id, filter) => v2(`FindPackagesById()?id='${id}'&$inlinecount=allpages&$filter=${encodeURIComponent(filter)}`);

  test("v2, by name: the latest, of the kind asked for", async () => {
    const latest = await atom(named("House.Module", "IsLatestVersion and substringof('PSModule', Tags) eq true and Id eq 'House.Module'"), { agent });
    assert.deepEqual([latest.count, latest.found], [1, [["House.Module", "1.10.0"]]]);
    const absolute = await atom(named("House.Module", "IsAbsoluteLatestVersion and Id eq 'House.Module'"), { agent });
    assert.deepEqual(absolute.found, [["House.Module", "2.0.0-preview1"]]);
    assert.equal((await atom(named("House.Script", "IsLatestVersion and substringof('PSModule', Tags) eq true"), { agent })).count, 0);
  });

  test("v2, by range: numbers compare as numbers, also for what the upstream has", async () => {
    const range = await atom(named("House.Module", "NormalizedVersion ge '1.1.0' and NormalizedVersion lt '2.0.0' and IsPrerelease eq false"), { agent });
    assert.deepEqual(range.found.map(([, version]) => version).sort(), ["1.10.0", "1.2.0"]);
    const above = await atom(named("Pester.Like", "NormalizedVersion ge '5.0.0' and NormalizedVersion lt '6.0.0' and IsPrerelease eq false"), { agent });
    assert.deepEqual(above.found.map(([, version]) => version).sort(), ["5.0.0", "5.10.0", "5.2.0"]);
    assert.equal((await atom(named("Pester.Like", "NormalizedVersion eq '5.10.0'"), { agent })).count, 1);
  });

  test("v2, search with globs and pages", async () => {
    const search = (filter, skip) => v2(`Search()?$inlinecount=allpages&$skip=${skip}&$top=100&$orderby=Id desc&includePrerelease=false&$filter=${encodeURIComponent(filter)}`);
    await until(async () => (await atom(search("IsLatestVersion and startswith(Id, 'House')", 0), { agent })).count >= 2, { what: "the packages in the search" });
    const modules = await atom(search("IsLatestVersion and startswith(Id, 'House') and substringof('PSModule', Tags) eq true", 0), { agent });
    assert.deepEqual(modules.found, [["House.Module", "1.10.0"]]);
    assert.deepEqual((await atom(search("IsLatestVersion and startswith(Id, 'House')", 100), { agent })).found, []);
  });

  test("a filter that is not known is refused, and not answered wrongly", async () => {
    await refused(await get(named("House.Module", "length(Id) gt 3"), { agent }), 400, /length|filter/i);
  });

  test("v3: the newest hive, with tags and dependencies; the search with 100 at a time", async () => {
    const hive = (await resource(feed, "RegistrationsBaseUrl/3.6.0")).replace(/\/?$/, "/");
    const { items } = await json(`${hive}house.module/index.json`, { agent });
    const entries = items[0].items.map(({ catalogEntry }) => catalogEntry);
    assert.deepEqual(entries.map(({ version }) => version), ["1.0.0", "1.2.0", "1.10.0", "2.0.0-preview1"]);
    assert.ok(entries.every(({ tags }) => [tags].flat().join(" ").includes("PSModule")));
    const query = await resource(feed, "SearchQueryService/3.5.0");
    const { data } = await json(`${query}?q=house.module&prerelease=true&semVerLevel=2.0.0&skip=0&take=100`, { agent });
    assert.ok(data.some(({ id }) => id === "House.Module"));
  });
});

describe("Chocolatey", () => {
  const agent = "Chocolatey Command Line/2.4.1 via NuGet Client";

  test("install: the package by name and by number, its archive", async () => {
    const { found } = await atom(v2("FindPackagesById()?id='house.tool'&semVerLevel=2.0.0"), { agent });
    assert.deepEqual(found.map(([, version]) => version).sort(), ["1.0.0", "1.1.0"]);
    assert.deepEqual((await atom(v2("Packages(Id='house.tool',Version='1.1.0')"), { agent })).found, [["house.tool", "1.1.0"]]);
    assert.equal((await get(v2("Packages(Id=%27house.tool%27,Version=%279.0.0%27)"), { agent })).status, 404);
    assert.equal((await get(v2("package/house.tool/1.1.0"), { agent })).status, 200);
  });

  test("search and its count", async () => {
    const search = "$filter=IsLatestVersion&$orderby=Id&searchTerm='house.tool'&targetFramework=''&includePrerelease=false&$skip=0&$top=30&semVerLevel=2.0.0";
    await until(async () => (await atom(v2(`Search()?${search}`), { agent })).found.length === 1, { what: "the package in the search" });
    assert.equal((await (await get(v2(`Search()/$count?${search}`), { agent })).text()).trim(), "1");
    const listed = await atom(v2("Packages()?$filter=(tolower(Id) eq 'house.tool') and IsLatestVersion&$orderby=Id&$skip=0&$top=10"), { agent });
    assert.deepEqual(listed.found, [["house.tool", "1.1.0"]]);
  });

  test("outdated: updates of several packages at once", async () => {
    const ids = encodeURIComponent("'house.tool|House.Module'");
    const versions = encodeURIComponent("'1.0.0|1.2.0'");
    const updates = (more) => v2(`GetUpdates()?packageIds=${ids}&versions=${versions}&includePrerelease=false&${more}&targetFrameworks=''&versionConstraints=''`);
    const newest = await atom(updates("includeAllVersions=false"), { agent });
    assert.deepEqual(newest.found.sort(), [["House.Module", "1.10.0"], ["house.tool", "1.1.0"]]);
  });
});
