// Bad days upstream: whatever it does, clients get a clear error or the last known answer, never a false 404; nothing
// wrong is stored; the source's health shows it; and all is well once the fault is gone.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import * as faults from "../upstream/faults.mjs";
import { startNpmUpstream } from "../upstream/npm.mjs";
import { npm12 } from "./support/clients.mjs";
import { refusal, startEdgefeed, until } from "./support/edgefeed.mjs";

const UPSTREAM_ERRORS = [502, 503, 504];

const LISTING_FAULTS = {
  reset: faults.reset(),
  hang: faults.hang(),
  "status 500": faults.status(500),
  "status 503 with an HTML body": faults.status(503, { headers: { "content-type": "text/html" }, body: "<h1>busy</h1>" }),
  "429 with Retry-After": faults.tooManyRequests(11),
  "status 401": faults.status(401),
  "HTML instead of JSON": faults.html(),
  "HTML that claims to be JSON": faults.contentTypeOf("<html>", "application/json"),
  "another package's document": faults.otherDocument({ name: "somebody-else", versions: { "6.6.6": {} }, "dist-tags": {} }),
  "JSON that is no document": faults.otherDocument(["surprise"]),
  "a truncated document": faults.truncate(),
  "a document that ends early": faults.shorten(),
  "a gzip bomb": faults.gzipBomb(300),
  "a redirect loop": faults.redirectToItself(),
};

const ARCHIVE_FAULTS = {
  reset: faults.reset(),
  "status 500": faults.status(500),
  "429 with Retry-After": faults.tooManyRequests(11),
  "other bytes of the same length": faults.wrongBytes(),
  "a truncated archive": faults.truncate(),
  "an archive that ends early": faults.shorten(),
  "nothing at all": faults.truncate(0),
  "HTML instead of an archive": faults.html(),
  "a redirect loop": faults.redirectToItself(),
};

const ODDITIES = {
  "no Content-Length": faults.chunked(),
  "slow drip": faults.drip({ pieces: 20, milliseconds: 50 }),
  "late headers": faults.delay(1_500),
  "another content type": faults.contentType("text/plain"),
};

/** How many tests of a group run at once. */
const GROUP = 8;

let edgefeed;
let upstream;
let packages = 0;

before(async () => {
  upstream = await startNpmUpstream();
  edgefeed = await startEdgefeed();
});

after(async () => {
  await edgefeed?.stop();
  await upstream?.stop();
});

/** A package of its own and a feed of its own, so that the tests of a group can run side by side. */
async function newPackage() {
  const name = `package-${(packages += 1)}`;
  upstream.packages.add({ name, versions: { "1.0.0": {}, "1.1.0": {} } });
  const feed = await edgefeed.feed({ sources: [upstream] });
  return { name, feed, archive: `${name}/-/${name}-1.0.0.tgz` };
}

const versions = async (response) => Object.keys((await response.json()).versions);
const failing = async (feed) => {
  const { status, statusDetails } = await feed.source();
  return status !== "ok" && JSON.stringify(statusDetails ?? "").length > 4;
};
const healthy = async (feed) => (await feed.source()).status === "ok";

// Most of these wait: for time-outs, and for a source to be asked again. They do so side by side.
describe("whatever the upstream does", { concurrency: GROUP }, () => {
  describe("a listing never seen", { concurrency: GROUP }, () => {
    for (const [what, fault] of Object.entries(LISTING_FAULTS)) {
      test(`${what}: an upstream error that names the source, then recovery`, async () => {
        const { name, feed } = await newPackage();
        const heal = upstream.fault(`/${name}`, fault);
        const answer = await feed.fetch(name);
        assert.ok(answer.headers.get("retry-after"), "no Retry-After");
        await refusal(answer, UPSTREAM_ERRORS, /stub-/);
        await until(() => failing(feed), { what: "the source's health showing it" });
        heal();
        await until(async () => (await feed.fetch(name)).status === 200, { what: "recovery" });
        assert.deepEqual(await versions(await feed.fetch(name)), ["1.0.0", "1.1.0"]);
        await until(() => healthy(feed), { what: "the source's health recovering" });
      });
    }
  });

  describe("a listing seen before", { concurrency: GROUP }, () => {
    for (const [what, fault] of Object.entries(LISTING_FAULTS)) {
      test(`${what}: the last known answer, marked as such, then the new one`, async () => {
        const { name, feed } = await newPackage();
        assert.deepEqual(await versions(await feed.fetch(name)), ["1.0.0", "1.1.0"]);
        const heal = upstream.fault(`/${name}`, fault);
        upstream.packages.publish(name, "1.2.0");
        const marked = await until(
          async () => {
            const answer = await feed.fetch(name);
            assert.equal(answer.status, 200);
            assert.deepEqual(await versions(answer.clone()), ["1.0.0", "1.1.0"]);
            return (answer.headers.get("warning") || answer.headers.get("age")) && answer;
          },
          { what: "an answer marked as stale", timeout: 30_000 },
        );
        assert.ok(marked);
        await until(() => failing(feed), { what: "the source's health showing it", timeout: 30_000 });
        const bytes = await feed.fetch(`${name}/-/${name}-1.1.0.tgz`);
        assert.equal(bytes.status, 200, "a known listing decides, although the source cannot be asked for it now");
        assert.deepEqual(Buffer.from(await bytes.arrayBuffer()), upstream.packages.archive(name, "1.1.0"));
        heal();
        await until(async () => (await versions(await feed.fetch(name))).includes("1.2.0"), { what: "the new version" });
      });
    }
  });

  describe("an archive", { concurrency: GROUP }, () => {
    for (const [what, fault] of Object.entries(ARCHIVE_FAULTS)) {
      test(`${what}: an upstream error, nothing stored, then the right bytes`, async () => {
        const { name, feed, archive } = await newPackage();
        const heal = upstream.fault(`/${archive}`, fault);
        await refusal(await feed.fetch(archive), UPSTREAM_ERRORS, /stub-/);
        await refusal(await feed.fetch(archive, { role: "reader" }), 403, /collaborator/i);
        heal();
        const right = upstream.packages.archive(name, "1.0.0");
        const healed = await until(async () => {
          const answer = await feed.fetch(archive);
          return answer.status === 200 && answer;
        });
        assert.deepEqual(Buffer.from(await healed.arrayBuffer()), right);
        const saved = await feed.fetch(archive, { role: "reader" });
        assert.deepEqual(Buffer.from(await saved.arrayBuffer()), right);
      });
    }

    for (const [what, fault] of Object.entries(ODDITIES)) {
      test(`${what}: no reason to fail`, async () => {
        const { name, feed, archive } = await newPackage();
        upstream.fault(`/${archive}`, fault);
        const answer = await feed.fetch(archive);
        assert.equal(answer.status, 200);
        assert.deepEqual(Buffer.from(await answer.arrayBuffer()), upstream.packages.archive(name, "1.0.0"));
        assert.equal((await feed.fetch(archive, { role: "reader" })).status, 200);
      });
    }

    test("a redirect to a content server is followed", async () => {
      const { name, feed, archive } = await newPackage();
      upstream.fault(`/${archive}`, faults.redirect(`${upstream.url}elsewhere/${name}.tgz`), { times: 1 });
      const right = upstream.packages.archive(name, "1.0.0");
      upstream.fault(`/elsewhere/${name}.tgz`, { replace: () => ({ body: right, ranges: true }) });
      const answer = await feed.fetch(archive);
      assert.deepEqual(Buffer.from(await answer.arrayBuffer()), right);
    });

    test("wrong bytes mark the source and are explained to the npm user", async () => {
      const { name, feed, archive } = await newPackage();
      const heal = upstream.fault(`/${archive}`, faults.wrongBytes());
      const app = await feed.workspace(npm12, "collaborator");
      const { output } = await app.mustFail(["install", `${name}@1.0.0`]);
      assert.match(output, /integrity|digest|not those its listing declares/i);
      await until(() => failing(feed), { what: "the source's health showing it" });
      heal();
      await app.add(`${name}@1.0.0`);
      assert.equal(await app.installed(name), "1.0.0");
      await feed.dispose();
    });
  });

  describe("an upstream that is down", { concurrency: GROUP }, () => {
    test("never hides what is local, never turns into not found, never lets a lower source answer for it", async () => {
      const [upper, lower] = [await startNpmUpstream(), await startNpmUpstream()];
      try {
        const name = "upstreams-own";
        upper.packages.add({ name, versions: { "1.0.0": {} } });
        lower.packages.add({ name, versions: { "1.0.0": { description: "an impostor" } } });
        const feed = await edgefeed.feed({ sources: [upper, lower] });
        await feed.publish(npm12, { name: "own", version: "1.0.0" });
        await upper.down();
        assert.deepEqual(await versions(await feed.fetch("own")), ["1.0.0"]);
        assert.equal((await feed.fetch("own/-/own-1.0.0.tgz")).status, 200);
        await refusal(await feed.fetch(`${name}/-/${name}-1.0.0.tgz`), UPSTREAM_ERRORS);
        const app = await feed.workspace(npm12, "collaborator");
        const { output } = await app.mustFail(["install", `${name}@1.0.0`]);
        assert.doesNotMatch(output, /E404/);
        await upper.up();
        await until(async () => (await feed.fetch(`${name}/-/${name}-1.0.0.tgz`)).status === 200);
        assert.doesNotMatch((await feed.json(`${name}/1.0.0`)).description, /impostor/);
        await feed.dispose();
      } finally {
        await upper.up();
        await upper.stop();
        await lower.stop();
      }
    });

    test("a 404 is remembered for a short while only", { timeout: 120_000 }, async () => {
      const { name, feed } = await newPackage();
      upstream.fault(`/${name}`, faults.status(404), { times: 1 });
      await refusal(await feed.fetch(name), 404);
      await until(async () => (await feed.fetch(name)).status === 200, { what: "the package", timeout: 70_000 });
    });

    test("a time-out is bounded, and other requests go on meanwhile", { timeout: 120_000 }, async () => {
      const slow = await newPackage();
      const quick = await newPackage();
      const heal = upstream.fault(`/${slow.archive}`, faults.hang());
      await slow.feed.fetch(slow.name);
      const hanging = slow.feed.fetch(slow.archive);
      await upstream.arrived(`/${slow.archive}`);
      assert.equal((await quick.feed.fetch(quick.archive)).status, 200);
      await refusal(await hanging, UPSTREAM_ERRORS);
      heal();
    });
  });
});

describe("addresses that must not be reached", () => {
  test("loopback and private sources and redirects are refused where that is not allowed", async () => {
    const asked = [];
    const outboundService = async (request) => {
      const url = new URL(request.url);
      asked.push(url.hostname);
      const target = new URL(url.pathname.slice(1), upstream.url);
      const answer = await fetch(target, { headers: { accept: request.headers.get("accept") ?? "*/*" }, redirect: "manual" });
      const headers = { "content-type": answer.headers.get("content-type") ?? "text/plain" };
      if (answer.headers.has("location")) headers.location = answer.headers.get("location");
      const { Response } = await import("miniflare");
      return new Response(Buffer.from(await answer.arrayBuffer()), { status: answer.status, headers });
    };
    const strict = await startEdgefeed({ vars: { ALLOW_PRIVATE_UPSTREAMS: "false" }, worker: { outboundService } });
    try {
      const { name } = await newPackage();
      const source = (location) => ({ name: "stub-public", protocol: "npm", location, upstreamSourceType: "public" });
      const feed = await strict.feed({ sources: [source("http://registry.example.com/")] });
      for (const target of ["http://127.0.0.1/", "http://169.254.169.254/latest", "http://10.0.0.1/", "http://[::1]/"]) {
        const heal = upstream.fault(`/${name}`, faults.redirect(target));
        await refusal(await feed.fetch(name), UPSTREAM_ERRORS, /stub-public/);
        heal();
        const path = "/local/_apis/packaging/feeds?api-version=7.1";
        const body = { name: `private-${asked.length}`, upstreamSources: [source(target)], upstreamEnabled: true };
        await strict.rest("POST", path, { body, status: 400 });
      }
      assert.deepEqual([...new Set(asked)], ["registry.example.com"]);
      await until(async () => (await feed.fetch(name)).status === 200, { what: "recovery" });
    } finally {
      await strict.stop();
    }
  });
});
