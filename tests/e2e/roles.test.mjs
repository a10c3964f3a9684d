// Who may do what with PyPI and Cargo, end to end: every endpoint for every kind of caller, on feeds of their own, and the
// real clients of each role. npm's roles are in npm-feeds.test.mjs and npm-publish.test.mjs.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";

import { startCargoUpstream } from "../upstream/cargo.mjs";
import { crate, indexPath } from "../upstream/cargo-packages.mjs";
import { startPypiUpstream } from "../upstream/pypi.mjs";
import { wheel } from "../upstream/pypi-packages.mjs";
import { refused } from "./support/edgefeed.mjs";
import { feedMaker } from "./support/feeds.mjs";
import { missing, pip26, twine, uv } from "./support/python.mjs";

/** Anonymous on a private feed, anonymous on a public one, then the roles. */
const CALLERS = ["anonymous", "visitor", "reader", "collaborator", "contributor", "administrator"];

const READ = [401, 200, 200, 200, 200, 200];
const KNOWN = [401, 401, 200, 200, 200, 200];
const SAVE = [401, 401, 403, 200, 200, 200];
const WRITE = [401, 401, 403, 403, 200, 200];
const OWN = [401, 401, 403, 403, 403, 200];

/** On every feed `kept` 1.0.0 is saved, `own` 1.0.0 is published, and `other` 1.0.0 is the upstream's only. */
const PROTOCOLS = {
  pypi: {
    start: startPypiUpstream,
    async fill(feed) {
      await (await feed.fetch(pythonFile("kept"))).arrayBuffer();
      assert.ok([200, 201].includes((await feed.fetch("upload/", { role: "contributor", method: "POST", body: form("own") })).status));
    },
    table: () => [
      ["the list of projects", "GET", "simple/", READ],
      ["a page, saved", "GET", "simple/kept/", READ],
      ["a page, published", "GET", "simple/own/", READ],
      ["a page, upstream's", "GET", "simple/other/", [401, 401, 404, 200, 200, 200]],
      ["a page of nothing", "GET", "simple/nothing/", [401, 401, 404, 404, 404, 404]],
      ["another spelling", "GET", "simple/Own/", [401, 301, 301, 301, 301, 301]],
      ["a file, saved", "GET", pythonFile("kept"), READ],
      ["a file, published", "GET", pythonFile("own"), READ],
      ["a file, upstream's", "GET", pythonFile("other"), SAVE],
      ["metadata, published", "GET", `${pythonFile("own")}.metadata`, READ],
      ["metadata, upstream's", "GET", `${pythonFile("other")}.metadata`, SAVE],
      ["the project's JSON", "GET", "own/json", READ],
      ["a release's JSON", "GET", "own/1.0.0/json", READ],
      ["an upload", "POST", "upload/", WRITE, () => form("fresh")],
    ],
  },
  cargo: {
    start: startCargoUpstream,
    async fill(feed) {
      await (await feed.fetch(download("kept"))).arrayBuffer();
      assert.equal((await feed.fetch("api/v1/crates/new", { role: "contributor", method: "PUT", body: push("own") })).status, 200);
    },
    table: () => [
      ["the description", "GET", "index/config.json", READ],
      ["the description, with a token", "GET", "authenticated-index/config.json", KNOWN],
      ["an index file, saved", "GET", `index/${indexPath("kept")}`, READ],
      ["an index file, published", "GET", `index/${indexPath("own")}`, READ],
      ["an index file, with a token", "GET", `authenticated-index/${indexPath("own")}`, KNOWN],
      ["an index file, upstream's", "GET", `index/${indexPath("other")}`, SAVE],
      ["an index file of nothing", "GET", `index/${indexPath("nothing")}`, [401, 401, 403, 404, 404, 404]],
      ["a crate, saved", "GET", download("kept"), READ],
      ["a crate, published", "GET", download("own"), READ],
      ["a crate, upstream's", "GET", download("other"), SAVE],
      ["a search", "GET", "api/v1/crates?q=own", READ],
      ["owners", "GET", "api/v1/crates/own/owners", WRITE],
      ["a publish", "PUT", "api/v1/crates/new", WRITE, () => push("fresh")],
      ["a yank", "DELETE", "api/v1/crates/own/1.0.0/yank", WRITE],
      ["an unyank", "PUT", "api/v1/crates/own/1.0.0/unyank", WRITE],
      ["other owners", "PUT", "api/v1/crates/own/owners", [401, 400, 400, 400, 400, 400], () => '{"users":["somebody"]}'],
    ],
  },
};

function pythonFile(name) {
  return `download/${name}/1.0.0/${wheel(name, "1.0.0").filename}`;
}

function form(name) {
  const { filename, bytes } = wheel(name, "1.0.0");
  const body = new FormData();
  const digest = createHash("sha256").update(bytes).digest("hex");
  const about = { name, version: "1.0.0", filetype: "bdist_wheel", pyversion: "py3", metadata_version: "2.1", sha256_digest: digest };
  const fields = { ":action": "file_upload", protocol_version: "1", ...about };
  for (const [key, value] of Object.entries(fields)) body.append(key, value);
  body.append("content", new Blob([bytes]), filename);
  return body;
}

function download(name) {
  return `api/v1/crates/${name}/1.0.0/download`;
}

/** What `cargo publish` sends: two lengths, and what they are of. */
function push(name) {
  const metadata = { name, vers: "1.0.0", deps: [], features: {}, authors: [], description: "made here", license: "MIT" };
  const parts = [Buffer.from(JSON.stringify(metadata)), Buffer.from(crate(name, "1.0.0"))];
  const length = (bytes) => {
    const prefix = Buffer.alloc(4);
    prefix.writeUInt32LE(bytes.length);
    return prefix;
  };
  return Buffer.concat(parts.flatMap((bytes) => [length(bytes), bytes]));
}

for (const [protocol, kind] of Object.entries(PROTOCOLS)) {
  describe(`${protocol}: every endpoint answers every caller as the table says`, () => {
    const newFeed = feedMaker({ protocol });
    let upstream;

    before(async () => {
      upstream = await kind.start();
      for (const name of ["kept", "other"]) upstream.packages.add({ name, versions: { "1.0.0": {} } });
    });

    after(() => upstream?.stop());

    for (const [column, caller] of CALLERS.entries()) {
      test(caller, async () => {
        const feed = await newFeed({ sources: [upstream], isPublic: caller === "visitor" });
        await kind.fill(feed);
        const role = caller === "visitor" ? "anonymous" : caller;
        const wrong = [];
        for (const [what, method, path, statuses, body] of kind.table()) {
          const answer = await feed.fetch(path, { method, role, body: body?.() });
          if (answer.status !== statuses[column] && !(statuses[column] === 200 && answer.status === 201)) {
            wrong.push(`${what}: ${answer.status} instead of ${statuses[column]}`);
          }
          if (answer.status === 401) assert.match(answer.headers.get("www-authenticate") ?? "", /Basic/, what);
          if (answer.status >= 400) assert.ok((await refused(answer, answer.status)).length > 0, what);
          else await answer.arrayBuffer();
        }
        assert.deepEqual(wrong, []);
      });

      test(`${caller}, over REST: promoting, deleting`, async () => {
        const feed = await newFeed({ sources: [upstream], isPublic: caller === "visitor" });
        await kind.fill(feed);
        const token = caller === "anonymous" || caller === "visitor" ? "none" : await feed.token(caller);
        const version = `${feed.package("own")}/versions/1.0.0`;
        const views = { views: { op: "add", path: "/views/-", value: "Release" } };
        const status = (statuses) => (statuses[column] === 200 ? [200, 202, 204] : statuses[column]);
        await feed.rest("PATCH", version, { token, body: views, status: status(WRITE) });
        await feed.rest("DELETE", version, { token, status: status(OWN) });
      });
    }

    test("a view is for reading, whatever the role", async () => {
      const feed = await newFeed({ sources: [upstream] });
      await kind.fill(feed);
      await feed.promote("own", "1.0.0", "Release");
      const rows = kind.table().filter(([, , , statuses]) => statuses === WRITE);
      for (const [what, method, path, , body] of rows.filter(([, method]) => method !== "GET")) {
        const answer = await feed.fetch(path, { method, role: "administrator", view: "Release", body: body?.() });
        assert.equal(answer.status, 409, what);
        assert.match(await refused(answer, 409), /view/, what);
      }
    });
  });
}

describe("pip, uv and twine of every role", { skip: missing() }, () => {
  const newFeed = feedMaker({ protocol: "pypi" });
  let upstream;

  before(async () => {
    upstream = await startPypiUpstream();
    for (const name of ["kept", "other"]) upstream.packages.add({ name, versions: { "1.0.0": {} } });
  });

  after(() => upstream?.stop());

  for (const [column, caller] of CALLERS.entries()) {
    test(caller, async () => {
      const feed = await newFeed({ sources: [upstream], isPublic: caller === "visitor" });
      await PROTOCOLS.pypi.fill(feed);
      const role = caller === "visitor" ? "anonymous" : caller;
      const outcome = async (client, args) => {
        const app = await feed.python(client, role);
        const { filename, bytes } = wheel("fresh", "1.0.0");
        await app.write(`dist/${filename}`, bytes);
        return app.run(args);
      };
      for (const client of [pip26, uv]) {
        for (const [name, statuses] of [["own", READ], ["kept", READ], ["other", SAVE]]) {
          // What one client saved is there for the next: each has its own name to ask for.
          if (name === "other" && client === uv) continue;
          const { code, output } = await outcome(client, [...client.verbs.install, `${name}==1.0.0`]);
          assert.equal(code === 0, statuses[column] === 200, `${client.name}, ${name}: ${output}`);
        }
      }
      const { code, output } = await outcome(twine, ["upload", "dist/*"]);
      assert.equal(code === 0, WRITE[column] === 200, output);
      if (column > 1 && code !== 0) assert.match(output, /403/);
    });
  }
});

describe("cargo of every role", () => {
  const registry = "feed";
  const newFeed = feedMaker({ protocol: "cargo" });
  let upstream;

  before(async () => {
    upstream = await startCargoUpstream();
    for (const name of ["kept", "other"]) upstream.packages.add({ name, versions: { "1.0.0": {} } });
  });

  after(() => upstream?.stop());

  for (const [column, caller] of CALLERS.entries()) {
    test(caller, async () => {
      const feed = await newFeed({ sources: [upstream], isPublic: caller === "visitor" });
      await PROTOCOLS.cargo.fill(feed);
      const role = caller === "visitor" ? "anonymous" : caller;
      const run = async (what, statuses, args, manifest = {}) => {
        const app = await feed.cargo(role);
        await app.package("", { license: "MIT", description: "made here", ...manifest });
        const { code, output } = await app.run(args);
        assert.equal(code === 0, statuses[column] === 200, `${what}: ${output}`);
        if (column > 1 && code !== 0) assert.match(output, /needs (Collaborator|Contributor)/, what);
      };
      for (const [name, statuses] of [["own", READ], ["kept", READ], ["other", SAVE]]) {
        const dependencies = { [name]: { version: "1.0.0", registry } };
        // Cargo sends no token to the index of a public feed, so that a visitor is all that it is there.
        await run(`fetch ${name}`, statuses, ["fetch"], { dependencies });
      }
      const fresh = { library: true, name: "fresh" };
      await run("publish", WRITE, ["publish", "--registry", registry, "--allow-dirty", "--no-verify"], fresh);
      await run("yank", WRITE, ["yank", "--registry", registry, "own@1.0.0"]);
      await run("unyank", WRITE, ["yank", "--undo", "--registry", registry, "own@1.0.0"]);
      await run("owners", WRITE, ["owner", "--list", "--registry", registry, "own"]);
      await run("search", READ, ["search", "--registry", registry, "own"]);
    });
  }
});
