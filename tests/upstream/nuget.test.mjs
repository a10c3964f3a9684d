// The scripted NuGet gallery itself: its documents, and real nuget.exe 5.8 and 2.8 against it. Faults are the frame's, and
// are tried with npm's registry; one of each kind of request is tried here.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, afterEach, before, describe, test } from "node:test";

import { missing, nuget2, nuget5, NugetWorkspace } from "../e2e/support/nuget.mjs";
import * as faults from "./faults.mjs";
import { nupkgPath, registrationPath, startNugetUpstream } from "./nuget.mjs";
import { compareVersions, normalizedVersion } from "./nuget-packages.mjs";

let upstream;

before(async () => {
  upstream = await startNugetUpstream({ pageSize: 2 });
  describePackages(upstream.packages);
});

afterEach(() => upstream.heal());
after(() => upstream.stop());

function describePackages(packages) {
  packages.add({
    name: "Left",
    versions: {
      "1.0": {},
      // Below the latest: nuget.exe 5.8 takes the latest version even if it is unlisted.
      "1.0.5": { listed: false },
      "1.1.0": { deps: { ".NETFramework4.0": { Right: "[2.0,3.0)" } }, tags: ["sided", "<odd>"], license: "MIT" },
      "2.0.0-beta.1": {},
    },
  });
  packages.add({ name: "Right", versions: { "2.0.0": {}, "2.1.0": { vulnerable: [{ url: "https://advisories.example/1", severity: 2 }] } } });
  packages.add({ name: "Many", versions: Object.fromEntries(Array.from({ length: 130 }, (_, index) => [`1.0.${index}`, {}])) });
}

const get = (path, headers = {}) => fetch(new URL(path, upstream.url), { headers });
const json = async (path) => (await get(path)).json();

describe("clients", { skip: missing() }, () => {
  for (const client of [nuget5, nuget2]) {
    test(`${client.name} installs a package with what it needs, and one by its number`, async () => {
      const app = await NugetWorkspace.create(client, { source: new URL(client.root, upstream.url).href });
      try {
        await app.install("Left");
        const { Left, Right } = app.installed();
        assert.deepEqual([Left, Right], ["1.1.0", "2.0.0"]);
        await app.clear();
        await app.install("left", "1.0");
        assert.deepEqual(Object.values(app.installed()).map(normalizedVersion), ["1.0.0"]);
        await app.clear();
        await app.restore({ Left: "1.0.5", Right: "2.1.0" });
        assert.deepEqual(app.installed(), { Left: "1.0.5", Right: "2.1.0" });
      } finally {
        await app.dispose();
      }
    });
  }
});

describe("v3", () => {
  test("the index names resources that are there", async () => {
    const { resources } = await json("v3/index.json");
    const of = (type) => resources.find((one) => one["@type"] === type)["@id"];
    assert.equal(of("PackageBaseAddress/3.0.0"), `${upstream.url}flat/`);
    assert.equal(of("RegistrationsBaseUrl/3.6.0") + "left/index.json", new URL(registrationPath("Left"), upstream.url).href);
    for (const type of ["SearchQueryService", "SearchAutocompleteService", "VulnerabilityInfo/6.7.0", "LegacyGallery/2.0.0"]) {
      assert.equal((await fetch(`${of(type)}${type.startsWith("Legacy") ? "/" : ""}`)).status, 200, type);
    }
  });

  test("registrations: compressed where they must be, without SemVer 2 where it is unknown, unlisted versions marked", async () => {
    const versions = async (hive) => (await json(`${hive}/left/index.json`)).items[0].items.map(({ catalogEntry }) => catalogEntry.version);
    assert.deepEqual(await versions("registration"), ["1.0", "1.0.5", "1.1.0"]);
    assert.deepEqual(await versions("registration-gz-semver2"), ["1.0", "1.0.5", "1.1.0", "2.0.0-beta.1"]);
    const whole = await get("registration-gz-semver2/left/index.json", { "accept-encoding": "identity" });
    assert.equal(whole.headers.get("content-encoding"), "gzip");
    const [, unlisted, latest] = (await whole.json()).items[0].items;
    assert.deepEqual([unlisted.catalogEntry.listed, unlisted.catalogEntry.published.slice(0, 4)], [false, "1900"]);
    assert.equal(latest.catalogEntry.dependencyGroups[0].dependencies[0].range, "[2.0,3.0)");
    const leaf = await json("registration-gz-semver2/left/1.0.0.json");
    const bytes = Buffer.from(await (await fetch(leaf.packageContent)).arrayBuffer());
    const { packageHash } = await (await fetch(leaf.catalogEntry)).json();
    assert.equal(createHash("sha512").update(bytes).digest("base64"), packageHash);
    assert.equal(await (await fetch(`${leaf.packageContent}.sha512`)).text(), packageHash);
  });

  test("more versions than fit stand in pages of their own", async () => {
    const { count, items } = await json("registration-gz-semver2/many/index.json");
    assert.deepEqual([count, items.map((page) => [page.count, page.items])], [3, [[64, undefined], [64, undefined], [2, undefined]]]);
    const page = await (await fetch(items[2]["@id"])).json();
    assert.deepEqual(page.items.map(({ catalogEntry }) => catalogEntry.version), ["1.0.128", "1.0.129"]);
  });

  test("flat container, search, autocomplete, vulnerabilities, validators", async () => {
    const first = await get("flat/left/index.json");
    assert.deepEqual((await first.json()).versions, ["1.0.0", "1.0.5", "1.1.0", "2.0.0-beta.1"]);
    assert.equal((await get("flat/left/index.json", { "if-none-match": first.headers.get("etag") })).status, 304);
    assert.equal((await get("flat/absent/index.json")).status, 404);
    assert.match(await (await get("flat/left/1.0.0/left.nuspec")).text(), /<version>1\.0<\/version>/);
    const { totalHits, data } = await json("query?q=left");
    assert.deepEqual([totalHits, data[0].version, data[0].versions.length], [1, "1.1.0", 2]);
    assert.equal((await json("query?q=left&prerelease=true&semVerLevel=2.0.0")).data[0].version, "2.0.0-beta.1");
    assert.deepEqual((await json("autocomplete?q=ri")).data, ["Right"]);
    const [{ "@id": base }] = await json("vulnerabilities/index.json");
    assert.deepEqual((await (await fetch(base)).json()).right[0].versions, "[2.1.0]");
  });

  test("versions compare as numbers, and spellings of one are one", () => {
    for (const spelling of ["1.0", "1.0.0.0", "01.0.0", "1.0.0+build"]) assert.equal(normalizedVersion(spelling), "1.0.0");
    const sorted = ["1.0.0-alpha", "1.0.0-alpha.2", "1.0.0-alpha.10", "1.0.0-BETA", "1.0.0", "1.0.0.1", "1.0.10"];
    assert.deepEqual(sorted.toReversed().sort(compareVersions), sorted);
  });
});

describe("OData", () => {
  const entries = (text) => [...text.matchAll(/<d:Version>([^<]*)</g)].map(([, version]) => version);

  test("pages of versions with links to the next, digests, counts", async () => {
    const found = [];
    let url = new URL("v2/FindPackagesById()?id='left'&semVerLevel=2.0.0", upstream.url).href;
    while (url) {
      const text = await (await fetch(url)).text();
      found.push(...entries(text));
      url = /<link rel="next" href="([^"]+)"/.exec(text)?.[1].replaceAll("&amp;", "&");
    }
    assert.deepEqual(found, ["1.0", "1.0.5", "1.1.0", "2.0.0-beta.1"]);
    assert.equal(await (await get("v2/Search()/$count?searchTerm='left'")).text(), "2");
    const entry = await (await get("v2/Packages(Id='Left',Version='1.1.0')")).text();
    const [, hash] = /<d:PackageHash>([^<]+)</.exec(entry);
    const bytes = Buffer.from(await (await get("v2/package/Left/1.1.0")).arrayBuffer());
    assert.equal(createHash("sha512").update(bytes).digest("base64"), hash);
    assert.match(entry, /<d:Dependencies>Right:\[2\.0,3\.0\):\.NETFramework4\.0</);
    assert.equal((await get("v2/Packages(Id='Left',Version='9.9.9')")).status, 404);
  });

  test("filters that are known, and a clear refusal of the rest", async () => {
    const filtered = (text) => get(`v2/FindPackagesById()?id='Left'&$filter=${encodeURIComponent(text)}`);
    assert.deepEqual(entries(await (await filtered("IsLatestVersion")).text()), ["1.1.0"]);
    assert.deepEqual(entries(await (await filtered("NormalizedVersion ge '1.1.0' and substringof('sided', Tags) eq true")).text()), ["1.1.0"]);
    assert.equal((await filtered("length(Id) gt 3")).status, 400);
  });
});

test("faults meet registrations and archives", async () => {
  upstream.fault(registrationPath("right"), faults.tooManyRequests(3), { times: 1 });
  assert.equal((await get(registrationPath("right"))).headers.get("retry-after"), "3");
  upstream.fault(nupkgPath("right", "2.0.0"), faults.truncate(), { times: 1 });
  await assert.rejects((await get(nupkgPath("right", "2.0.0"))).arrayBuffer());
});
