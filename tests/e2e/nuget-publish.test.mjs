// What maintainers do with NuGet's clients: pack, push, push again, push symbols, delete (which unlists), and the refusals
// they must understand. A client prints the status line and the header X-NuGet-Warning; the text itself is looked at over
// plain HTTP.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { zip } from "../upstream/archive.mjs";
import { startNugetUpstream } from "../upstream/nuget.mjs";
import { nupkg, nuspec } from "../upstream/nuget-packages.mjs";
import { refused, startEdgefeed, until } from "./support/edgefeed.mjs";
import { flatVersions, missing, nuget2, nuget5, nugetClients, resourcePath } from "./support/nuget.mjs";

let edgefeed;
let upstream;
let feed;

before(async () => {
  upstream = await startNugetUpstream();
  upstream.packages.add({ name: "Taken", versions: { "1.0.0": {} } });
  edgefeed = await startEdgefeed();
  feed = await edgefeed.feed({ protocol: "nuget", sources: [upstream] });
});

after(async () => {
  await feed?.dispose();
  await edgefeed?.stop();
  await upstream?.stop();
});

/** Packs with the client itself and pushes. */
async function publish(client, id, version, about) {
  const app = await feed.nuget(client, "contributor");
  await app.push(await app.pack(id, version, about));
  return app;
}

/** Where packages are pushed to, as clients find it. */
async function publishPath(rest = "") {
  return `${(await resourcePath(feed, "PackagePublish/2.0.0")).replace(/\/?$/, "/")}${rest}`;
}

/** A push as it goes over the wire; `file` is what the part says it is. */
async function put(bytes, { role = "contributor", path, view, key, file = "package.nupkg" } = {}) {
  const body = new FormData();
  body.append("package", new Blob([bytes], { type: "application/octet-stream" }), file);
  const headers = key ? { "x-nuget-apikey": key } : {};
  return feed.fetch(path ?? (await publishPath()), { method: "PUT", role: key ? "anonymous" : role, view, headers, body });
}

const DETAILS = {
  deps: { ".NETStandard2.0": { Other: "[1.0,2.0)" }, ".NETFramework4.0": {} },
  tags: ["made", "here"],
  authors: ["A & B"],
  description: "made <here>",
  license: "MIT",
  acceptance: false,
};

for (const client of nugetClients) {
  describe(client.name, { skip: missing() }, () => {
    test("what is pushed is there at once, for both kinds of clients", async () => {
      const id = `Made.${client.name}`;
      await publish(client, id, "1.0.0", { tags: ["made"] });
      for (const other of nugetClients) {
        const app = await feed.nuget(other, "reader");
        await app.install(id);
        assert.deepEqual(app.installed(), { [id]: "1.0.0" });
      }
    });

    test("a version twice is refused, in any spelling; the same bytes are no harm", async () => {
      const id = `Twice.${client.name}`;
      await publish(client, id, "1.0.0");
      const again = await feed.nuget(client, "contributor");
      const file = await again.pack(id, "1.0", { description: "other bytes" });
      assert.match((await again.mustFail(again.pushing(file))).output, /409|conflict|already/i);
      assert.deepEqual(await flatVersions(feed, id), ["1.0.0"]);
    });

    test("a number the upstream has cannot be taken", async () => {
      const app = await feed.nuget(client, "contributor");
      const { output } = await app.mustFail(app.pushing(await app.pack("Taken", "1.0.0")));
      assert.match(output, /409|conflict|upstream/i);
    });

    test("a reader and a collaborator may not push, nor may anybody to a view", async () => {
      for (const role of ["reader", "collaborator"]) {
        const app = await feed.nuget(client, role);
        const { output } = await app.mustFail(app.pushing(await app.pack("Unwelcome", "1.0.0")));
        assert.match(output, /403|forbidden|contributor/i);
      }
      const viewed = await feed.nuget(client, "contributor", { view: "Release" });
      await viewed.mustFail(viewed.pushing(await viewed.pack("Unwelcome", "1.0.0")));
      assert.deepEqual(await flatVersions(feed, "unwelcome"), []);
    });

    test("delete unlists: restored by its number, not listed, and back again with a relist", async () => {
      const id = `Withdrawn.${client.name}`;
      const app = await publish(client, id, "1.0.0");
      await publish(client, id, "1.1.0");
      await app.must(["delete", id, "1.1.0", "-Source", app.source, "-ApiKey", app.token, "-NonInteractive", "-ConfigFile", `${app.project}/NuGet.Config`]);
      assert.deepEqual(await flatVersions(feed, id), ["1.0.0", "1.1.0"]);
      const reader = await feed.nuget(nuget2, "reader");
      await reader.install(id);
      assert.deepEqual(reader.installed(), { [id]: "1.0.0" });
      await reader.clear();
      await reader.restore({ [id]: "1.1.0" });
      assert.deepEqual(reader.installed(), { [id]: "1.1.0" });
      const relisted = await feed.fetch(await publishPath(`${id}/1.1.0`), { method: "POST", role: "contributor" });
      assert.ok(relisted.ok, `${relisted.status}: ${await relisted.text()}`);
      await reader.clear();
      await reader.install(id);
      assert.deepEqual(reader.installed(), { [id]: "1.1.0" });
    });
  });
}

describe("nuget-5", { skip: missing() }, () => {
  test("-SkipDuplicate goes on where a version is there already", async () => {
    const app = await publish(nuget5, "Skipped", "1.0.0");
    const file = await app.pack("Skipped", "1.0.0", { description: "other bytes" });
    const { output } = await app.push(file, "-SkipDuplicate");
    assert.match(output, /already exists|conflict|skip/i);
  });

  test("the reason of a refusal is in what the client prints", async () => {
    const app = await feed.nuget(nuget5, "reader");
    const { output } = await app.mustFail(app.pushing(await app.pack("Refused", "1.0.0")));
    assert.match(output, /contributor/i);
  });

  test("symbols go along with their package, and not without it", async () => {
    const app = await feed.nuget(nuget5, "contributor");
    const id = "With.Symbols";
    await app.pack(id, "1.0.0");
    await app.write(`${id}.1.0.0.snupkg`, symbols(id, "1.0.0"));
    const { output } = await app.push(`${id}.1.0.0.nupkg`);
    assert.match(output, /snupkg/i);
    const path = await resourcePath(feed, "SymbolPackagePublish/4.9.0");
    await refused(await put(symbols("Without.Package", "1.0.0"), { path, file: "without.snupkg" }), 404);
    await refused(await put(nupkg(id, "1.0.0"), { path, file: "not-symbols.snupkg" }), 400);
  });

  test("what a manifest says is what clients are told", async () => {
    await publish(nuget5, "Described", "1.0.0-rc.1", DETAILS);
    const registration = await feed.json(await resourcePath(feed, "RegistrationsBaseUrl/3.6.0", "described/index.json"));
    const [{ catalogEntry }] = registration.items[0].items;
    const { id, version, authors, description, tags, licenseExpression, listed } = catalogEntry;
    assert.deepEqual([id, version, description, licenseExpression, listed], ["Described", "1.0.0-rc.1", "made <here>", "MIT", true]);
    assert.match([authors].flat().join(), /A & B/);
    assert.deepEqual([tags].flat().join(" "), "made here");
    const range = (one) => one.range.replace(/ |\.0(?=\.0)/g, ""); // the client writes three parts
    const groups = catalogEntry.dependencyGroups.map(({ targetFramework, dependencies = [] }) => [targetFramework, dependencies.map((one) => [one.id, range(one)])]);
    assert.deepEqual(groups.sort(), [[".NETFramework4.0", []], [".NETStandard2.0", [["Other", "[1.0,2.0)"]]]].sort());
    const entry = await (await feed.fetch("v2/Packages(Id='Described',Version='1.0.0-rc.1')")).text();
    assert.match(entry, /<d:Dependencies>[^<]*Other:\[1\.0(\.0)?, ?2\.0(\.0)?\):\.?(NETStandard|netstandard)2\.0/);
    assert.match(entry, /<d:Authors>A &amp; B</);
  });
});

/** A symbol package: of the type that says so, with a portable debug file. */
function symbols(id, version) {
  return nupkg(id, version, { types: ["SymbolsPackage"], library: false, files: { [`lib/net40/${id}.pdb`]: Buffer.from("BSJB not really symbols") } });
}

describe("what is sent is checked", () => {
  test("each way to say who one is: token as a key, Bearer, Basic", async () => {
    const token = await feed.token("contributor");
    assert.ok((await put(nupkg("Keyed", "1.0.0"), { key: token })).ok);
    assert.ok((await put(nupkg("Keyed", "1.1.0"))).ok);
    assert.equal((await put(nupkg("Keyed", "1.2.0"), { key: "not-a-token" })).status, 401);
    const challenge = await put(nupkg("Keyed", "1.2.0"), { role: "anonymous" });
    assert.equal(challenge.status, 401);
    assert.match(challenge.headers.get("www-authenticate"), /^Basic/);
    assert.deepEqual(await flatVersions(feed, "keyed"), ["1.0.0", "1.1.0"]);
  });

  test("archives that are none, or lie, are refused with a text, and nothing of them is stored", async () => {
    const bad = [
      Buffer.from("no archive"),
      nupkg("Checked", "not.a.version"),
      nupkg("Che cked", "1.0.0"),
      nupkg("a".repeat(200), "1.0.0"),
      nupkg("Checked", "1.0.0").subarray(0, 500),
    ];
    for (const bytes of bad) await refused(await put(bytes), [400, 413], /\w/);
    await refused(await put(nupkg("Checked", "1.0.0"), { path: "v2/nowhere/" }), [400, 404, 405]);
    assert.equal((await feed.fetch(await resourcePath(feed, "PackageBaseAddress/3.0.0", "checked/index.json"))).status, 404);
    assert.ok((await put(nupkg("Checked", "1.0.0"))).ok);
  });

  test("hostile archives are refused within bounds", async () => {
    const manifest = (inner) => zip({ "_rels/.rels": "<Relationships/>", "Hostile.nuspec": inner });
    const bomb = '<!DOCTYPE package [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>';
    const bad = {
      "a manifest that inflates": manifest(Buffer.alloc(200_000_000, " ")),
      "a manifest with a document type": manifest(nuspec("Hostile", "1.0.0").replace("<package", `${bomb}<package`)),
      "a manifest with an unknown entity": manifest(nuspec("Hostile", "1.0.0").replace("scripted", "&secret;")),
      "a manifest nested without end": manifest("<a>".repeat(200_000)),
      "two manifests": zip({ "Hostile.nuspec": nuspec("Hostile", "1.0.0"), "Other.nuspec": nuspec("Other", "1.0.0") }),
      "an entry that climbs": nupkg("Hostile", "1.0.0", { files: { "../../escaped.txt": "out" } }),
      "no manifest": zip({ "lib/net40/Hostile.dll": "nothing" }),
    };
    for (const [what, bytes] of Object.entries(bad)) {
      const answer = await put(bytes);
      assert.ok([400, 413].includes(answer.status), `${what}: ${answer.status} ${await answer.text()}`);
    }
    assert.deepEqual(await flatVersions(feed, "hostile"), []);
  });

  test("build metadata and spelling do not make another version", async () => {
    assert.ok((await put(nupkg("Spelled", "1.0.0+one"))).ok);
    for (const version of ["1.0", "1.0.0.0", "01.0.0", "1.0.0+two"]) await refused(await put(nupkg("SPELLED", version)), 409);
    assert.deepEqual(await flatVersions(feed, "spelled"), ["1.0.0"]);
  });

  test("a deleted version is gone, and its number is taken for ever", async () => {
    for (const version of ["1.0.0", "1.1.0"]) assert.ok((await put(nupkg("Buried", version))).ok);
    await feed.delete("Buried", "1.1.0");
    assert.deepEqual(await flatVersions(feed, "buried"), ["1.0.0"]);
    const path = await resourcePath(feed, "PackageBaseAddress/3.0.0", "buried/1.1.0/buried.1.1.0.nupkg");
    assert.equal((await feed.fetch(path)).status, 404);
    await refused(await put(nupkg("Buried", "1.1.0")), 409, /deleted/i);
    assert.ok((await put(nupkg("Buried", "1.2.0"))).ok);
  });

  test("of many who push one version at once exactly one wins", async () => {
    const pushes = Array.from({ length: 6 }, (_, index) => put(nupkg("Raced", "1.0.0", { ballast: 100 + index })));
    const statuses = (await Promise.all(pushes)).map(({ status }) => status).sort();
    assert.equal(statuses.filter((status) => status < 300).length, 1, statuses.join());
    assert.ok(statuses.slice(1).every((status) => status === 409), statuses.join());
    await until(async () => (await flatVersions(feed, "raced")).length === 1);
  });
});
