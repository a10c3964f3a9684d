// Real cargo against a feed: as a named registry and in the place of its default one, with and without a token, as a
// collaborator, as a reader, without the upstream; features, renames, `links`, yanked versions.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";

import { startCargoUpstream } from "../upstream/cargo.mjs";
import { startEdgefeed } from "./support/edgefeed.mjs";

let edgefeed;
let upstream;
let feeds;

before(async () => {
  upstream = await startCargoUpstream();
  upstream.packages.add({
    name: "left",
    versions: {
      "1.0.0": {},
      "1.1.0": {
        deps: { right: "^2", short: { req: "^1", package: "a_longer_Name", optional: true } },
        features2: { small: ["dep:short"] },
        links: "left",
      },
      "1.2.0": { yanked: true },
    },
  });
  upstream.packages.add({ name: "right", versions: { "2.0.0": {}, "2.0.1+build.7": { features: { default: ["more"], more: [] } } } });
  upstream.packages.add({ name: "a_longer_Name", versions: { "1.0.0": {} } });
  for (const name of ["x", "xy", "xyz"]) upstream.packages.add({ name, versions: { "1.0.0": {} } });
  edgefeed = await startEdgefeed();
  feeds = [];
});

afterEach(async () => {
  await upstream.up();
  for (const feed of feeds.splice(0)) await feed.dispose();
});

after(async () => {
  await edgefeed?.stop();
  await upstream?.stop();
});

async function newFeed(settings) {
  const feed = await edgefeed.feed({ protocol: "cargo", sources: [upstream], ...settings });
  feeds.push(feed);
  return feed;
}

const registry = "feed";
const MAIN = 'fn main() { println!("{}, {}", left::VERSION, right::VERSION); }\n';

/** The two ways to use a feed, and how dependencies are written then. */
const WAYS = {
  "a named registry": { about: {}, needed: { left: { version: "1", registry, features: ["small"] }, right: { version: "2", registry } } },
  "the default registry's place": { about: { replace: true }, needed: { left: { version: "1", features: ["small"] }, right: "2" } },
};

for (const [way, { about, needed }] of Object.entries(WAYS)) {
  test(`as ${way}: builds from empty, then again without the upstream, then as a reader; the lock stays`, async () => {
    const feed = await newFeed();
    const app = await feed.cargo("collaborator", { ...about, manifest: { dependencies: needed } });
    await app.write("src/main.rs", MAIN);
    assert.match((await app.must(["run", "--quiet"])).stdout, /left 1\.1\.0, right 2\.0\.1\+build\.7/);
    const lock = await app.read("Cargo.lock");
    assert.match(lock, /name = "a_longer_Name"/);
    assert.doesNotMatch(lock, new RegExp(await feed.token("collaborator")));
    await upstream.down();
    await app.clear();
    await app.must(["fetch", "--locked"]);
    await app.clear();
    await app.configure({ token: await feed.token("reader") });
    await app.must(["build", "--quiet", "--locked"]);
    // What a reader is shown is enough to resolve anew, and comes to the same.
    await app.must(["generate-lockfile"]);
    assert.equal(await app.read("Cargo.lock"), lock);
  });
}

test("resolves as it does against the upstream directly", async () => {
  const { CargoWorkspace } = await import("./support/cargo.mjs");
  const feed = await newFeed();
  const about = { replace: true, manifest: { dependencies: WAYS["the default registry's place"].needed } };
  const app = await feed.cargo("collaborator", about);
  const direct = await CargoWorkspace.create({ index: `sparse+${upstream.url}`, ...about });
  try {
    for (const one of [app, direct]) await one.must(["generate-lockfile"]);
    assert.equal(await app.read("Cargo.lock"), await direct.read("Cargo.lock"));
  } finally {
    await direct.dispose();
  }
});

test("names of one, two and three letters", async () => {
  const feed = await newFeed();
  const dependencies = Object.fromEntries(["x", "xy", "xyz"].map((name) => [name, { version: "1", registry }]));
  const app = await feed.cargo("collaborator", { manifest: { dependencies } });
  await app.must(["fetch"]);
  assert.match(await app.read("Cargo.lock"), /name = "xyz"/);
});

test("a yanked version is taken only by those whose lock has it", async () => {
  const feed = await newFeed();
  const dependencies = { left: { version: "1", registry } };
  const app = await feed.cargo("collaborator", { manifest: { dependencies } });
  await app.must(["generate-lockfile"]);
  const lock = await app.read("Cargo.lock");
  assert.match(lock, /name = "left"\nversion = "1\.1\.0"/);
  upstream.packages.yank("left", "1.1.0");
  try {
    await app.clear();
    await app.must(["fetch", "--locked"]);
    assert.equal(await app.read("Cargo.lock"), lock);
  } finally {
    upstream.packages.yank("left", "1.1.0", false);
  }
});

describe("tokens", () => {
  const manifest = { dependencies: { right: { version: "2", registry } } };

  test("a private feed says what it wants, and takes the token in each form", async () => {
    const feed = await newFeed();
    const token = await feed.token("collaborator");
    const stranger = await feed.cargo("anonymous", { manifest });
    const { output } = await stranger.mustFail(["fetch"]);
    assert.match(output, /token|login/i);
    assert.match(output, /registry `?feed`?|authenticated/i);
    const basic = Buffer.from(`anyone:${token}`).toString("base64");
    for (const form of [token, `Bearer ${token}`, `Basic ${basic}`]) {
      const app = await feed.cargo("anonymous", { manifest });
      await app.configure({ token: form });
      await app.must(["fetch"]);
    }
    const wrong = await feed.cargo("anonymous", { manifest });
    await wrong.configure({ token: "not-a-token" });
    assert.match((await wrong.mustFail(["fetch"])).output, /token|login|401/i);
  });

  test("cargo login keeps a token, cargo logout forgets it, and the page that login names is there", async () => {
    const feed = await newFeed();
    const app = await feed.cargo("anonymous", { manifest });
    // Asked without a terminal, cargo reads the token from its input and says nothing.
    await app.must(["login", "--registry", registry], { input: [[/Updating/, await feed.token("collaborator")]] });
    await app.must(["fetch"]);
    await app.must(["logout", "--registry", registry]);
    await app.clear();
    await app.mustFail(["fetch"]);
    const challenge = (await feed.fetch("index/config.json", { role: "anonymous" })).headers.get("www-authenticate");
    const [, page] = /login_url="([^"]+)"/.exec(challenge);
    assert.equal((await fetch(page)).status, 200);
  });

  test("a registry that is asked with a signed token says that it wants a plain one, and does not hang", async () => {
    const feed = await newFeed();
    const app = await feed.cargo("anonymous", { manifest });
    await app.configure({ token: "v3.public.eyJzdWIiOiJub2JvZHkifQ.c2lnbmF0dXJl.eyJraWQiOiJub25lIn0" });
    assert.match((await app.mustFail(["fetch"])).output, /token/i);
  });

  test("a public feed: anybody reads what is local; members save through the index that asks for a token", async () => {
    const feed = await newFeed({ isPublic: true });
    const visitor = await feed.cargo("anonymous", { manifest });
    await visitor.mustFail(["fetch"]);
    const member = await feed.cargo("collaborator", { index: "authenticated-index", manifest });
    await member.must(["fetch"]);
    await visitor.must(["fetch"]);
    const stranger = await feed.cargo("anonymous", { index: "authenticated-index", manifest });
    assert.match((await stranger.mustFail(["fetch"])).output, /token|login/i);
  });
});

test("a reader's cargo is told what saving takes", async () => {
  const feed = await newFeed();
  const app = await feed.cargo("collaborator", { manifest: { dependencies: { right: { version: "=2.0.0", registry } } } });
  await app.must(["generate-lockfile"]);
  await app.configure({ token: await feed.token("reader") });
  await app.clear();
  const { output } = await app.mustFail(["fetch", "--locked"]);
  assert.match(output, /collaborator|failed to select|no matching|403/i);
});

test("search and info, also below a view", async () => {
  const feed = await newFeed();
  const app = await feed.cargo("collaborator", { manifest: { dependencies: { left: { version: "1", registry } } } });
  await app.must(["fetch"]);
  const found = await app.must(["search", "lef", "--registry", registry]);
  assert.match(found.stdout, /^left = "1\.1\.0"/m);
  assert.match((await app.must(["info", "left", "--registry", registry])).stdout, /version: 1\.1\.0/);
  assert.doesNotMatch((await app.must(["search", "nothing-like-it", "--registry", registry])).stdout, /=/);
});
