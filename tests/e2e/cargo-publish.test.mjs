// What maintainers do with cargo: publish a workspace, yank, ask for owners; delete over REST; and the refusals they must
// understand.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { startCargoUpstream } from "../upstream/cargo.mjs";
import { crate, indexPath } from "../upstream/cargo-packages.mjs";
import { refused, startEdgefeed } from "./support/edgefeed.mjs";

const registry = "feed";
const PUBLISH = ["publish", "--registry", registry, "--allow-dirty"];

let edgefeed;
let upstream;
let feed;

before(async () => {
  upstream = await startCargoUpstream();
  upstream.packages.add({ name: "outer", versions: { "1.0.0": {} } });
  upstream.packages.add({ name: "taken", versions: { "1.0.0": {} } });
  edgefeed = await startEdgefeed();
  feed = await edgefeed.feed({ protocol: "cargo", sources: [upstream] });
});

after(async () => {
  await feed?.dispose();
  await edgefeed?.stop();
  await upstream?.stop();
});

const about = { license: "MIT", description: "made here" };

/** A library that may be published. */
async function library(manifest, { role = "contributor", in: where = feed, ...options } = {}) {
  const app = await where.cargo(role, options);
  await app.package("", { library: true, version: "1.0.0", ...about, ...manifest });
  await app.clear("src/main.rs");
  return app;
}

async function publish(manifest, options) {
  const app = await library(manifest, options);
  await app.must([...PUBLISH, "--no-verify"]);
  return app;
}

async function lines(name, options) {
  const answer = await feed.fetch(`index/${indexPath(name)}`, options);
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.text()).trim().split("\n").map((line) => JSON.parse(line));
}

describe("publish", () => {
  test("a workspace of two crates, one needing the other by path and version, in the order of need", async () => {
    const app = await feed.cargo("contributor");
    await app.write("Cargo.toml", '[workspace]\nmembers = ["inner", "app-lib"]\nresolver = "2"\n');
    await app.clear("src");
    await app.package("inner", { library: true, name: "inner", version: "0.3.0", ...about });
    const inner = { path: "../inner", version: "0.3", registry };
    const renamed = { package: "outer", version: "1", registry, optional: true };
    const tables = "[features]\nextra = [\"dep:renamed\"]\n";
    const dependencies = { inner, renamed };
    await app.package("app-lib", { library: true, name: "app-lib", version: "0.3.0", ...about, dependencies, tables });
    await app.must([...PUBLISH, "--workspace"]);
    const [line] = await lines("app-lib");
    assert.equal(line.vers, "0.3.0");
    const found = Object.fromEntries(line.deps.map((dependency) => [dependency.name, dependency]));
    assert.deepEqual(Object.keys(found).sort(), ["inner", "renamed"]);
    assert.equal(found.renamed.package, "outer");
    assert.ok(!found.inner.registry, "a dependency of the same registry has none in the index");
    const user = await feed.cargo("collaborator", { manifest: { dependencies: { "app-lib": { version: "0.3", registry, features: ["extra"] } } } });
    await user.write("src/main.rs", 'fn main() { println!("{}", app_lib::VERSION); }\n');
    assert.match((await user.must(["run", "--quiet"])).stdout, /app-lib 0\.3\.0/);
  });

  test("a dependency on the default registry is marked with where it comes from", async () => {
    const app = await library({ name: "mixed", dependencies: { outer: "1" } }, { config: `[source.crates-io]\nreplace-with = "stub"\n[source.stub]\nregistry = "sparse+${upstream.url}"\n` });
    await app.must([...PUBLISH, "--no-verify"]);
    const [{ deps }] = await lines("mixed");
    assert.match(deps[0].registry, /^(sparse\+)?https?:/);
  });

  test("a version twice is refused, by cargo from the index and by the feed itself", async () => {
    await publish({ name: "twice" });
    const again = await library({ name: "twice", description: "other bytes" });
    assert.match((await again.mustFail([...PUBLISH, "--no-verify"])).output, /already exists|already uploaded/i);
    const other = crate("twice", "1.0.0", { ballast: 10 });
    await refused(await put("twice", "1.0.0", other), 409, /already/i);
    await refused(await put("twice", "1.0.0+other.build", crate("twice", "1.0.0+other.build")), 409);
    assert.equal((await lines("twice")).length, 1);
  });

  test("names that the registry takes for one are refused", async () => {
    await publish({ name: "under_score" });
    for (const name of ["under-score", "Under_Score"]) {
      const { output } = await (await library({ name })).mustFail([...PUBLISH, "--no-verify"]);
      assert.match(output, /under_score/);
    }
  });

  test("a number the upstream has cannot be taken", async () => {
    const { output } = await (await library({ name: "taken" })).mustFail([...PUBLISH, "--no-verify"]);
    assert.match(output, /already exists|409|upstream|stub-/i);
  });

  test("a refusal names the missing role, where cargo shows it", async () => {
    for (const role of ["reader", "collaborator"]) {
      const app = await library({ name: "unwelcome" }, { role });
      const { output } = await app.mustFail([...PUBLISH, "--no-verify"]);
      // cargo looks into the index first, where a reader is told already that an upstream cannot be asked.
      assert.match(output, role === "reader" ? /contributor|collaborator/i : /contributor/i);
      assert.match(output, new RegExp(role, "i"));
    }
    const viewed = await library({ name: "unwelcome" }, { view: "Release" });
    assert.match((await viewed.mustFail([...PUBLISH, "--no-verify"])).output, /view/i);
    await refused(await feed.fetch(`index/${indexPath("unwelcome")}`), 404);
  });
});

/** A publication as it goes over the wire. */
async function put(name, version, archive, { metadata = {}, role = "contributor", cut = 0 } = {}) {
  const described = { name, vers: version, deps: [], features: {}, authors: [], description: "made here", license: "MIT", ...metadata };
  const json = Buffer.from(JSON.stringify(described));
  const length = (bytes) => {
    const field = Buffer.alloc(4);
    field.writeUInt32LE(bytes.length);
    return field;
  };
  const body = Buffer.concat([length(json), json, length(archive), archive]);
  return feed.fetch("api/v1/crates/new", { method: "PUT", role, body: body.subarray(0, body.length - cut) });
}

test("what is sent is checked, and nothing of it is stored", async () => {
  const good = crate("checked", "1.0.0");
  const bad = [
    put("0test", "1.0.0", crate("0test", "1.0.0")),
    put("checked", "-1.0.0", good),
    put("checked", "1.0", good),
    put("checked", "1.0.0", good, { cut: 5 }),
    put("checked", "1.0.0", Buffer.from("no archive")),
    put("checked", "1.0.0", crate("other", "1.0.0")),
    put("a".repeat(100), "1.0.0", good),
    put("checked", "1.0.0", good, { metadata: { deps: [{ name: "x", version_req: "not one", kind: "normal" }] } }),
  ];
  for (const answer of await Promise.all(bad)) await refused(answer, [400, 413], /\w/);
  await refused(await feed.fetch(`index/${indexPath("checked")}`), 404);
  assert.equal((await put("checked", "1.0.0", good)).status, 200);
  assert.equal((await lines("checked")).length, 1);
});

describe("yank, delete, owners", () => {
  test("yank and yank --undo", async () => {
    const app = await publish({ name: "yanked" });
    await publish({ name: "yanked", version: "1.1.0" });
    await app.must(["yank", "--registry", registry, "yanked@1.1.0"]);
    assert.deepEqual((await lines("yanked")).map(({ yanked }) => yanked), [false, true]);
    const user = await feed.cargo("reader", { manifest: { dependencies: { yanked: { version: "1", registry } } } });
    await user.must(["generate-lockfile"]);
    assert.match(await user.read("Cargo.lock"), /version = "1\.0\.0"/);
    await app.must(["yank", "--undo", "--registry", registry, "yanked@1.1.0"]);
    await user.must(["update"]);
    assert.match(await user.read("Cargo.lock"), /name = "yanked"\nversion = "1\.1\.0"/);
    await app.configure({ token: await feed.token("reader") });
    assert.match((await app.mustFail(["yank", "--registry", registry, "yanked@1.1.0"])).output, /contributor/i);
  });

  test("a deleted version is gone, and its number is taken for ever", async () => {
    await publish({ name: "withdrawn" });
    await publish({ name: "withdrawn", version: "1.1.0" });
    await feed.delete("withdrawn", "1.1.0");
    assert.deepEqual((await lines("withdrawn")).map(({ vers }) => vers), ["1.0.0"]);
    assert.equal((await feed.fetch("api/v1/crates/withdrawn/1.1.0/download")).status, 404);
    const again = await library({ name: "withdrawn", version: "1.1.0" });
    assert.match((await again.mustFail([...PUBLISH, "--no-verify"])).output, /deleted/i);
    await publish({ name: "withdrawn", version: "1.2.0" });
  });

  test("owners are the feed's, and are changed there", async () => {
    const app = await publish({ name: "owned" });
    await app.must(["owner", "--registry", registry, "--list", "owned"]);
    const { output } = await app.mustFail(["owner", "--registry", registry, "--add", "somebody", "owned"]);
    assert.match(output, /permission|role|feed/i);
  });
});
