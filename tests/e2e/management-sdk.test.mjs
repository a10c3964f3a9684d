// The official Python SDK against the REST surface: every call of its clients for feeds, packages and protocols, each a
// step of its own in `python/sdk/`. The server has to tell where everything is before the SDK calls anything.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { noPython, pythonEnvironment } from "../../tools/python.mjs";
import { startNpmUpstream } from "../upstream/npm.mjs";
import { startEdgefeed, until } from "./support/edgefeed.mjs";
import { publisher } from "./support/publish.mjs";
import { Workspace } from "./support/workspace.mjs";

const folder = join(import.meta.dirname, "python");

const VERSIONS = ["1.0.0", "1.1.0", "1.2.0", "1.3.0"];

const ROLES = ["outsider", "reader", "collaborator", "contributor", "owner"];

let edgefeed;
let upstream;
let workspace;
const about = { tokens: {}, digests: {}, packages: [] };

before(async () => {
  if (noPython()) return;
  upstream = await startNpmUpstream();
  upstream.packages.add({ name: "kept", versions: { "1.0.0": {} } });
  upstream.packages.add({ name: "offered", versions: Object.fromEntries(VERSIONS.map((version) => [version, {}])) });
  edgefeed = await startEdgefeed();
  const house = await edgefeed.feed({ name: "house", sources: [upstream] });
  const each = await edgefeed.feed({ name: "each" });
  const roles = await edgefeed.feed({ name: "roles", sources: [upstream] });
  const secret = await edgefeed.feed({ name: "secret" });
  const base = (feed) => `${edgefeed.url}/local/_packaging/${feed.name}/`;
  await fillHouse(publisher(base(house), await house.token("contributor")));
  await (await house.fetch("kept/-/kept-1.0.0.tgz")).arrayBuffer();
  for (const feed of [each, roles]) await fillEach(publisher(base(feed), edgefeed.admin));
  await publisher(base(secret), edgefeed.admin).npm("secret-tool", "1.0.0");
  await publishThroughSession(base);
  const tokens = { admin: edgefeed.admin, stranger: "no-such-token" };
  tokens.reader = await token("reader-of-two", ["house", "each"]);
  tokens.dana = await token("dana", ["each"]);
  // What they may do is said by permissions, which `roles.py` gives.
  for (const role of ROLES) tokens[`${role}-by-permission`] = await token(`${role}-by-permission`, []);
  Object.assign(about, { url: `${edgefeed.url}/local`, upstream: upstream.url, tokens, publisher: "contributor-of-house" });
  workspace = await Workspace.open({ client: { name: "the SDK" } });
});

after(async () => {
  await workspace?.dispose();
  await edgefeed?.stop();
  await upstream?.stop();
});

/** A token of any scope whose role is reader. */
async function token(subject, feeds) {
  const body = { subject, scope: "manage", grants: feeds.map((feed) => ({ feed, role: "reader" })) };
  return (await edgefeed.rest("POST", "/local/_edgefeed/tokens", { body, status: 201 })).token;
}

/** What `packages.py` looks at: a few packages of every protocol. */
async function fillHouse(publish) {
  const left = { author: "Dana", keywords: ["tool", "left"], dependencies: { kept: "^1.0.0" } };
  const packages = [
    ["npm", "left-tool", ["1.0.0", "1.1.0", "2.0.0-beta.1"], left],
    ["npm", "@house/scoped", ["1.0.0", "1.1.0"]],
    ["npm", "doomed", ["1.0.0"]],
    ["npm", "fading", ["1.0.0"]],
    ["nuget", "House.Tool", ["1.0.0", "1.1.0", "2.0.0-beta.1"]],
    ["nuget", "House.Hidden", ["1.0.0"]],
    ["pypi", "house-wheel", ["1.0.0", "1.1.0"]],
    ["maven", "com.house:tool", ["1.0.0", "1.1.0"]],
    ["cargo", "house-crate", ["1.0.0"]],
    ["upack", "house-files", ["1.0.0", "1.1.0"]],
  ];
  for (const [protocol, name, versions, more] of packages) {
    for (const version of versions) await publish[protocol](name, version, more);
    about.packages.push({ protocol, name, versions });
  }
}

/** What `protocols.py` and `roles.py` change: one package of every protocol, each with the same versions. */
async function fillEach(publish) {
  const packages = [
    ["npm", "npm", "each-tool"],
    ["npm scoped", "npm", "@house/each"],
    ["nuget", "nuget", "Each.Tool"],
    ["pypi", "pypi", "each-wheel"],
    ["maven", "maven", "com.house:each"],
    ["universal", "upack", "each-files"],
  ];
  for (const [label, protocol, name] of packages) {
    for (const version of VERSIONS) {
      const { bytes, file } = await publish[protocol](name, version);
      if (version !== VERSIONS[0]) continue;
      // Where a version has several files, a download names one.
      const named = ["pypi", "maven", "upack"].includes(protocol) ? [file] : [];
      about.digests[label] = { file: named, sha256: createHash("sha256").update(bytes).digest("hex") };
    }
  }
}

/** One package of every protocol, published to `each` through a provenance session. */
async function publishThroughSession(base) {
  const body = { feed: "each", source: "InternalBuild", data: { "Build.BuildId": "7" } };
  const { sessionId } = await edgefeed.rest("POST", "/local/_apis/provenance/session/npm", { body });
  const through = publisher(base({ name: sessionId }), edgefeed.admin);
  for (const [protocol, name] of Object.entries({ npm: "built", nuget: "Built", pypi: "built", maven: "com.house:built", cargo: "built", upack: "built" })) {
    await through[protocol](name, "1.0.0");
  }
}

/** Has cron do its work, once the downloads that were counted are written, which they are in batches. */
async function cron() {
  const bucket = await edgefeed.server.r2();
  const isWritten = async () => (await bucket.list({ prefix: "v1/usage/" })).objects.length > 0;
  await until(isWritten, { timeout: 25_000, what: "the batch of counted downloads" });
  await edgefeed.server.scheduled();
}

/** Runs a file of steps; resolves to `[{ name, failure }]`. */
async function run(file) {
  const { python } = pythonEnvironment(join(folder, "azure-devops.txt"));
  const env = { ABOUT: JSON.stringify(about), PYTHONDONTWRITEBYTECODE: "1", NO_PROXY: "*" };
  const { code, stdout, output } = await workspace.runProgram([python, join(folder, "sdk", file)], { env });
  assert.equal(code, 0, output);
  return stdout.trim().split("\n").map((line) => JSON.parse(line));
}

describe("the official SDK", { skip: noPython() }, () => {
  for (const file of ["feeds.py", "packages.py", "protocols.py", "roles.py", "later.py"]) {
    test(file, async (t) => {
      if (file === "later.py") await cron();
      for (const { name, failure } of await run(file)) {
        await t.test(name, () => {
          if (failure) assert.fail(failure);
        });
      }
    });
  }
});
