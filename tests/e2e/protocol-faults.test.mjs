// Bad days upstream, for every protocol but npm, which has faults.test.mjs: whatever the upstream does, clients get a clear
// error or the last known answer, never a false 404; nothing wrong is stored; and all is well once the fault is gone.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { cratePath, startCargoUpstream } from "../upstream/cargo.mjs";
import { indexPath } from "../upstream/cargo-packages.mjs";
import * as faults from "../upstream/faults.mjs";
import { artifactPath, metadataPath, startMavenUpstream } from "../upstream/maven.mjs";
import { nupkgPath, startNugetUpstream } from "../upstream/nuget.mjs";
import { filePath, startPypiUpstream } from "../upstream/pypi.mjs";
import { refused, startEdgefeed, until } from "./support/edgefeed.mjs";
import { resourcePath } from "./support/nuget.mjs";

const UPSTREAM_ERRORS = [502, 503, 504];
const JSON_TYPE = "application/vnd.pypi.simple.v1+json";
const BOMB = '<?xml version="1.0"?><!DOCTYPE metadata [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><metadata>&b;&b;</metadata>';

/** A NuGet registration of one version of that package. */
function registration(id, version) {
  const items = [{ catalogEntry: { id, version }, packageContent: "http://upstream.invalid/package.nupkg" }];
  return JSON.stringify({ count: 1, items: [{ "@id": "http://upstream.invalid/page", count: 1, lower: version, upper: version, items }] });
}

/** Where one protocol keeps listings and archives, here and upstream. */
const PROTOCOLS = {
  pypi: {
    start: startPypiUpstream,
    listing: (name) => `simple/${name}/`,
    upstreamListing: (name) => `/simple/${name}/`,
    archive: (upstream, name, version) => {
      const file = upstream.packages.archive(name, version);
      return { path: `download/${name}/${version}/${file.filename}`, upstreamPath: filePath(file), bytes: file.bytes };
    },
    headers: { accept: JSON_TYPE },
    versions: async (answer) => (await answer.json()).versions.sort(),
    strange: {
      "another project's page": () =>
        faults.contentTypeOf(JSON.stringify({ meta: { "api-version": "1.0" }, name: "somebody-else", versions: ["6.6.6"], files: [] }), JSON_TYPE),
      "JSON that is no page": () => faults.contentTypeOf('["surprise"]', JSON_TYPE),
      "HTML that claims to be JSON": () => faults.contentTypeOf("<html>", JSON_TYPE),
      "JSON of a version to come": () => faults.contentTypeOf('{"meta":{"api-version":"2.0"},"name":"x","files":[]}', JSON_TYPE),
    },
  },
  cargo: {
    start: startCargoUpstream,
    listing: (name) => `index/${indexPath(name)}`,
    upstreamListing: (name) => `/${indexPath(name)}`,
    archive: (upstream, name, version) => ({
      path: `api/v1/crates/${name}/${version}/download`,
      upstreamPath: cratePath(name, version),
      bytes: upstream.packages.archive(name, version),
    }),
    headers: {},
    versions: async (answer) => (await answer.text()).trim().split("\n").map((line) => JSON.parse(line).vers).sort(),
    strange: {
      "another crate's lines": () => faults.contentTypeOf('{"name":"somebody-else","vers":"6.6.6","deps":[],"cksum":"00","features":{},"yanked":false}\n', "text/plain"),
      "text that is no JSON": () => faults.contentTypeOf("surprise", "text/plain"),
      "a page": () => faults.html(),
    },
  },
  nuget: {
    start: startNugetUpstream,
    listing: (name, feed) => resourcePath(feed, "RegistrationsBaseUrl/3.6.0", `${name}/index.json`),
    // Which of them is asked is the feed's business.
    upstreamListing: (name) => new RegExp(`^/(registration[^/]*|flat)/${name}/index\\.json$`),
    archive: async (upstream, name, version, feed) => ({
      path: await resourcePath(feed, "PackageBaseAddress/3.0.0", `${name}/${version}/${name}.${version}.nupkg`),
      upstreamPath: nupkgPath(name, version),
      bytes: upstream.packages.archive(name, version),
    }),
    headers: {},
    versions: async (answer) => (await answer.json()).items.flatMap(({ items }) => items.map(({ catalogEntry }) => catalogEntry.version)).sort(),
    strange: {
      "another package's registration": () => faults.contentTypeOf(registration("somebody-else", "6.6.6"), "application/json"),
      "JSON that is no registration": () => faults.contentTypeOf('["surprise"]', "application/json"),
      "HTML that claims to be JSON": () => faults.contentTypeOf("<html>", "application/json"),
    },
  },
  maven: {
    start: startMavenUpstream,
    name: (name) => `org.example:${name}`,
    listing: (name) => metadataPath(name).slice(1),
    upstreamListing: metadataPath,
    archive: (upstream, name, version) => ({
      path: artifactPath(name, version).slice(1),
      upstreamPath: artifactPath(name, version),
      bytes: upstream.packages.archive(name, version),
    }),
    headers: {},
    versions: async (answer) => [...(await answer.text()).matchAll(/<version>([^<]+)</g)].map(([, version]) => version).sort(),
    strange: {
      "another artifact's listing": () => faults.contentTypeOf("<metadata><groupId>org.example</groupId><artifactId>somebody-else</artifactId><versioning><versions><version>6.6.6</version></versions></versioning></metadata>", "text/xml"),
      "text that is no XML": () => faults.contentTypeOf("surprise", "text/xml"),
      "entities that grow": () => faults.contentTypeOf(BOMB, "text/xml"),
      "a page": () => faults.html(),
    },
  },
};

const LISTING_FAULTS = {
  reset: () => faults.reset(),
  hang: () => faults.hang(),
  "status 500": () => faults.status(500),
  "429 with Retry-After": () => faults.tooManyRequests(11),
  "status 401": () => faults.status(401),
  "a truncated document": () => faults.truncate(),
  "a document that ends early": () => faults.shorten(0.6),
  "a gzip bomb": () => faults.gzipBomb(300),
  "a redirect loop": () => faults.redirectToItself(),
};

const ARCHIVE_FAULTS = {
  reset: () => faults.reset(),
  "status 500": () => faults.status(500),
  "429 with Retry-After": () => faults.tooManyRequests(11),
  "other bytes of the same length": () => faults.wrongBytes(),
  "a truncated archive": () => faults.truncate(),
  "an archive that ends early": () => faults.shorten(),
  "HTML instead of an archive": () => faults.html(),
  "a redirect loop": () => faults.redirectToItself(),
};

const ODDITIES = {
  "no Content-Length": () => faults.chunked(),
  "slow drip": () => faults.drip({ pieces: 10, milliseconds: 20 }),
  "another content type": () => faults.contentType("text/plain"),
};

/** How many tests of a group run at once. */
const GROUP = 8;

let edgefeed;

before(async () => {
  edgefeed = await startEdgefeed();
});

after(() => edgefeed?.stop());

// Most of these wait: for time-outs, and for a source to be asked again. They do so side by side.
describe("whatever the upstream does", { concurrency: GROUP }, () => {
  for (const [protocol, kind] of Object.entries(PROTOCOLS)) {
    describe(protocol, { concurrency: GROUP }, () => {
      let upstream;
      let packages = 0;

      before(async () => {
        upstream = await kind.start();
      });

      after(() => upstream?.stop());

      /** A package of its own and a feed of its own, so that the tests of a group can run side by side. */
      async function newPackage() {
        const plain = `package-${(packages += 1)}`;
        const name = kind.name?.(plain) ?? plain;
        upstream.packages.add({ name, versions: { "1.0.0": {}, "1.1.0": {} } });
        const feed = await edgefeed.feed({ protocol, sources: [upstream] });
        const listing = await kind.listing(name, feed);
        const list = (options) => feed.fetch(listing, { headers: kind.headers, ...options });
        return { name, feed, list, ...(await kind.archive(upstream, name, "1.0.0", feed)) };
      }

      const failing = async (feed) => (await feed.source()).status !== "ok";

      describe("a listing never seen", { concurrency: GROUP }, () => {
        for (const [what, fault] of Object.entries({ ...LISTING_FAULTS, ...kind.strange })) {
          test(`${what}: an upstream error that names the source, then recovery`, async () => {
            const { name, feed, list } = await newPackage();
            const heal = upstream.fault(kind.upstreamListing(name), fault());
            const answer = await list();
            assert.ok(answer.headers.get("retry-after"), `${answer.status}: no Retry-After`);
            await refused(answer, UPSTREAM_ERRORS, /stub-/);
            await until(() => failing(feed), { what: "the source's health showing it" });
            heal();
            await until(async () => (await list()).status === 200, { what: "recovery" });
            assert.deepEqual(await kind.versions(await list()), ["1.0.0", "1.1.0"]);
          });
        }
      });

      describe("a listing seen before", { concurrency: GROUP }, () => {
        for (const [what, fault] of Object.entries({ ...LISTING_FAULTS, ...kind.strange })) {
          test(`${what}: the last known answer, marked as such, then the new one`, async () => {
            const { name, list } = await newPackage();
            assert.deepEqual(await kind.versions(await list()), ["1.0.0", "1.1.0"]);
            const heal = upstream.fault(kind.upstreamListing(name), fault());
            upstream.packages.publish(name, "1.2.0");
            await until(async () => {
              const answer = await list();
              assert.equal(answer.status, 200);
              const marked = answer.headers.get("warning") || answer.headers.get("age");
              assert.deepEqual(await kind.versions(answer), ["1.0.0", "1.1.0"]);
              return marked;
            }, { what: "an answer marked as stale", timeout: 30_000 });
            heal();
            await until(async () => (await kind.versions(await list())).includes("1.2.0"), { what: "the new version" });
          });
        }
      });

      describe("an archive", { concurrency: GROUP }, () => {
        for (const [what, fault] of Object.entries(ARCHIVE_FAULTS)) {
          test(`${what}: an upstream error, nothing stored, then the right bytes`, async () => {
            const { feed, path, upstreamPath, bytes } = await newPackage();
            const heal = upstream.fault(upstreamPath, fault());
            await refused(await feed.fetch(path), UPSTREAM_ERRORS, /stub-/);
            await refused(await feed.fetch(path, { role: "reader" }), 403, /collaborator/i);
            heal();
            const healed = await until(async () => {
              const answer = await feed.fetch(path);
              return answer.status === 200 && answer;
            });
            assert.deepEqual(Buffer.from(await healed.arrayBuffer()), bytes);
            const saved = await feed.fetch(path, { role: "reader" });
            assert.deepEqual(Buffer.from(await saved.arrayBuffer()), bytes);
          });
        }

        for (const [what, fault] of Object.entries(ODDITIES)) {
          test(`${what}: no reason to fail`, async () => {
            const { feed, path, upstreamPath, bytes } = await newPackage();
            upstream.fault(upstreamPath, fault());
            const answer = await feed.fetch(path);
            assert.equal(answer.status, 200);
            assert.deepEqual(Buffer.from(await answer.arrayBuffer()), bytes);
            assert.equal((await feed.fetch(path, { role: "reader" })).status, 200);
          });
        }
      });

      test("an upstream that is down is no reason to answer `not found`, nor for a lower source to answer", async () => {
        const [upper, lower] = [await kind.start(), await kind.start()];
        try {
          const name = kind.name?.("upstreams-own") ?? "upstreams-own";
          upper.packages.add({ name, versions: { "1.0.0": {} } });
          lower.packages.add({ name, versions: { "1.0.0": { description: "an impostor", ballast: 10 } } });
          const feed = await edgefeed.feed({ protocol, sources: [upper, lower] });
          const { path } = await kind.archive(upper, name, "1.0.0", feed);
          await upper.down();
          await refused(await feed.fetch(path), UPSTREAM_ERRORS);
          await upper.up();
          await until(async () => (await feed.fetch(path)).status === 200, { what: "recovery" });
        } finally {
          await upper.up();
          await upper.stop();
          await lower.stop();
        }
      });

      test("many who want one archive at once make one request to the upstream", async () => {
        const { feed, list, path, upstreamPath, bytes } = await newPackage();
        await (await list()).arrayBuffer();
        const heal = upstream.fault(upstreamPath, faults.hold());
        const wanted = Array.from({ length: 20 }, async () => Buffer.from(await (await feed.fetch(path)).arrayBuffer()));
        await upstream.arrived(upstreamPath);
        // Longer than anybody waits for a save that is silent; this one says that it goes on.
        await sleep(5_000);
        heal();
        for (const received of await Promise.all(wanted)) assert.deepEqual(received, bytes);
        assert.equal(upstream.count(upstreamPath), 1);
      });
    });
  }
});

describe("cargo's description of a registry", () => {
  for (const [what, fault] of Object.entries({ "status 500": () => faults.status(500), "a page": () => faults.html() })) {
    test(`${what}: an upstream error, and no 404; then recovery`, async () => {
      const upstream = await startCargoUpstream();
      try {
        upstream.packages.add({ name: "alone", versions: { "1.0.0": {} } });
        const feed = await edgefeed.feed({ protocol: "cargo", sources: [upstream] });
        const heal = upstream.fault("/config.json", fault());
        await refused(await feed.fetch("api/v1/crates/alone/1.0.0/download"), UPSTREAM_ERRORS, /stub-/);
        heal();
        await until(async () => (await feed.fetch("api/v1/crates/alone/1.0.0/download")).status === 200, { what: "recovery" });
      } finally {
        await upstream.stop();
      }
    });
  }
});
