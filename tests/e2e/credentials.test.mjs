// Sources that want credentials, on the real runtime: clients install through a feed from registries that let nobody else in, and
// from a feed of another deployment.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { startMavenUpstream } from "../upstream/maven.mjs";
import { startNpmUpstream } from "../upstream/npm.mjs";
import { startPypiUpstream } from "../upstream/pypi.mjs";
import { npm12 } from "./support/clients.mjs";
import { startEdgefeed } from "./support/edgefeed.mjs";
import { missing as missingMaven } from "./support/maven.mjs";
import { missing as missingPython, pip26 } from "./support/python.mjs";

const credentials = { username: "ci", password: "s3cret" };
const authorization = `Basic ${Buffer.from("ci:s3cret").toString("base64")}`;

const servers = [];
let edgefeed;

before(async () => {
  edgefeed = await startEdgefeed();
  servers.push(edgefeed);
});

after(() => Promise.all(servers.map((server) => server.stop())));

async function start(startUpstream, options) {
  const upstream = await startUpstream({ authorization, ...options });
  servers.push(upstream);
  return upstream;
}

const source = (protocol, upstream, more) => ({ name: "locked", protocol, location: upstream.url, freshnessSeconds: 0, ...more });

/** Everything that was asked of a registry came with the credentials. */
function assertShown(upstream) {
  assert.ok(upstream.count() > 0);
  for (const { path, headers } of upstream.requests()) assert.equal(headers.authorization, authorization, path);
}

describe("a source that wants credentials", () => {
  test("npm installs from it; archives on another host are asked for without them", async () => {
    const files = await start(startNpmUpstream, { authorization: undefined });
    const upstream = await start(startNpmUpstream, { tarballBase: () => files.url });
    for (const registry of [files, upstream]) registry.packages.add({ name: "left", versions: { "1.0.0": {} } });
    const feed = await edgefeed.feed({ sources: [source("npm", upstream)] });
    const closed = await feed.fetch("left");
    assert.equal(closed.status, 502);
    assert.match(await closed.text(), /wants credentials \(it answered 401\)/);
    upstream.forget();
    const change = { upstreamSources: [source("npm", upstream, { credentials })] };
    const told = await feed.rest("PATCH", "", { body: change });
    assert.equal(told.upstreamSources[0].hasCredentials, true);
    assert.doesNotMatch(JSON.stringify(told), /s3cret/);
    const app = await feed.workspace(npm12, "collaborator");
    await app.add("left@1.0.0");
    assert.equal(await app.installed("left"), "1.0.0");
    assertShown(upstream);
    assert.ok(files.count() > 0);
    for (const { path, headers } of files.requests()) assert.equal(headers.authorization, undefined, path);
    const bucket = await edgefeed.server.r2();
    for (const { key } of (await bucket.list({ prefix: "v1/feeds/" })).objects) {
      assert.doesNotMatch(await (await bucket.get(key)).text(), /s3cret|Y2k6czNjcmV0/);
    }
    await feed.dispose();
  });

  test("pip installs from it", { skip: missingPython() }, async () => {
    const upstream = await start(startPypiUpstream);
    upstream.packages.add({ name: "left", versions: { "1.0": {} } });
    const feed = await edgefeed.feed({ protocol: "pypi", sources: [source("pypi", upstream, { credentials })] });
    const app = await feed.python(pip26, "collaborator");
    await app.install("left");
    assert.equal(await app.installed("left"), "1.0");
    assertShown(upstream);
    await feed.dispose();
  });

  test("mvn resolves from it", { skip: missingMaven() }, async () => {
    const upstream = await start(startMavenUpstream);
    upstream.packages.add({ name: "org.example:left", versions: { "1.0": {} } });
    const feed = await edgefeed.feed({ protocol: "maven", sources: [source("maven", upstream, { credentials })] });
    const app = await feed.maven("collaborator");
    await app.resolve(["org.example:left:1.0"]);
    assert.deepEqual(app.libraries(), ["left-1.0.jar"]);
    assertShown(upstream);
    await feed.dispose();
  });
});

test("npm installs from a feed of another deployment", async () => {
  const there = await startEdgefeed();
  servers.push(there);
  const theirs = await there.feed({ name: "theirs" });
  await theirs.publish(npm12, { name: "shared", version: "1.0.0" });
  const location = `${there.url}/local/_packaging/theirs@Local`;
  const token = await theirs.token("reader");
  const body = { packageName: "shared", upstreamLocation: location, upstreamSourceType: "internal", credentials: { token } };
  const found = await edgefeed.rest("POST", "/local/_apis/packaging/npm/validateupstream?api-version=7.1", { body });
  assert.equal(found.lastVersion, "1.0.0");
  const far = { name: "far", protocol: "npm", location, upstreamSourceType: "internal", freshnessSeconds: 0, credentials: { token } };
  const feed = await edgefeed.feed({ sources: [far] });
  const app = await feed.workspace(npm12, "collaborator");
  await app.add("shared@1.0.0");
  assert.equal(await app.installed("shared"), "1.0.0");
  assert.equal((await feed.source()).health.status, "ok");
  await Promise.all([feed.dispose(), theirs.dispose()]);
});
