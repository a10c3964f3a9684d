// Python's installers against one feed: install by range and number, wheels and source archives, extras, lock files,
// digests, yanked versions; as a collaborator, as a reader, without the upstream.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { startPypiUpstream } from "../upstream/pypi.mjs";
import { startEdgefeed } from "./support/edgefeed.mjs";
import { installers, missing, pdm, pip26, poetry, uv } from "./support/python.mjs";

let edgefeed;
let upstream;

before(async () => {
  upstream = await startPypiUpstream();
  upstream.packages.add({
    name: "Left.Pad",
    versions: {
      "1.0": {},
      "1.1": { requires: ["right>=2,<3"], extras: { more: ["extra-one"] }, requiresPython: ">=3.8" },
      "1.2": { yanked: "it <breaks>" },
      "2.0rc1": {},
    },
  });
  upstream.packages.add({ name: "right", versions: { "2.0": {}, "2.1": { kinds: ["sdist"] }, "3.0": {}, "4.0": { requiresPython: ">=99" } } });
  upstream.packages.add({ name: "extra-one", versions: { "1.0": { metadata: false } } });
  edgefeed = await startEdgefeed();
});

after(async () => {
  await edgefeed?.stop();
  await upstream?.stop();
});

for (const client of installers) {
  describe(client.name, { skip: missing(client) }, () => {
    let feed;

    before(async () => {
      feed = await edgefeed.feed({ protocol: "pypi", sources: [upstream] });
    });

    after(() => feed?.dispose());

    test("installs by range, by number, with extras, from wheels and source archives", async () => {
      const app = await feed.python(client, "collaborator");
      await app.install("left-pad[more]>=1");
      assert.deepEqual(await app.allInstalled(), { "left-pad": "1.1", right: "2.1", "extra-one": "1.0" });
      assert.equal(await app.python("import left_pad; print(left_pad.here)"), "Left.Pad");
      await app.install("LEFT_pad==1.0");
      assert.equal(await app.installed("left-pad"), "1.0");
      await app.install("left.pad==2.0rc1", "right==3.0");
      assert.equal(await app.installed("left-pad"), "2.0rc1");
    });

    test("takes a yanked version only by its number, and shows why it was yanked", async () => {
      const app = await feed.python(client, "collaborator");
      const { output } = await app.install("left-pad==1.2");
      assert.equal(await app.installed("left-pad"), "1.2");
      assert.match(output, /it <breaks>|yanked/i);
    });

    test("a reader gets what was saved, without the upstream, and is told about the rest", async () => {
      const app = await feed.python(client, "collaborator");
      await app.install("left-pad==1.1");
      const reader = await feed.python(client, "reader");
      await upstream.down();
      try {
        await reader.install("left-pad<2");
        assert.equal(await reader.installed("left-pad"), "1.1");
      } finally {
        await upstream.up();
      }
      const { output } = await reader.mustFail([...client.verbs.install, "left-pad==1.0.1"]);
      assert.match(output, /no matching distribution|no version of|not found/i);
    });

    test("an anonymous user of a private feed is asked for credentials", async () => {
      const stranger = await feed.python(client, "anonymous");
      // pip tells about answers of the index only if asked to talk.
      const { output } = await stranger.mustFail([...client.verbs.install, "-vv", "left-pad"]);
      assert.match(output, /401|unauthorized|credentials|authentication/i);
    });

    test("digests hold: the right ones pass, others do not", async () => {
      const wheel = upstream.packages.archive("left-pad", "1.0");
      const sdist = upstream.packages.archive("left-pad", "1.0", "sdist");
      const app = await feed.python(client, "collaborator");
      await app.write("right.txt", `left-pad==1.0 --hash=sha256:${wheel.sha256} --hash=sha256:${sdist.sha256}\n`);
      await app.install("--require-hashes", "-r", "right.txt");
      assert.equal(await app.installed("left-pad"), "1.0");
      await app.clear();
      await app.write("wrong.txt", `left-pad==1.0 --hash=sha256:${"0".repeat(64)}\n`);
      const { output } = await app.mustFail([...client.verbs.install, "--require-hashes", "-r", "wrong.txt"]);
      assert.match(output, /hash/i);
    });
  });
}

describe("pip", { skip: missing(pip26) }, () => {
  test("lists and downloads: index versions, download of another platform's wheel, --uploaded-prior-to", async () => {
    const tags = ["cp311-cp311-win_amd64", "cp311-cp311-manylinux_2_17_x86_64"];
    upstream.packages.add({ name: "native", versions: { "1.0": { kinds: ["wheel"], tags, time: "2024-02-01T00:00:00.000Z" }, "2.0": { time: "2026-01-01T00:00:00.000Z" } } });
    const feed = await edgefeed.feed({ protocol: "pypi", sources: [upstream] });
    try {
      const app = await feed.python(pip26, "collaborator");
      assert.match((await app.must(["index", "versions", "native"])).stdout, /2\.0, 1\.0|native \(2\.0\)/);
      const foreign = ["--platform", "win_amd64", "--python-version", "3.11", "--only-binary", ":all:", "--no-deps"];
      await app.must(["download", ...foreign, "native==1.0"]);
      assert.ok(app.exists("native-1.0-cp311-cp311-win_amd64.whl"));
      await app.must(["download", ...foreign, "--uploaded-prior-to", "2025-01-01", "native"]);
      assert.equal((await feed.fetch("simple/native/", { role: "reader" })).status, 200);
    } finally {
      await feed.dispose();
    }
  });
});

describe("uv", { skip: missing(uv) }, () => {
  const requirements = "left-pad[more]\nright<3\n";
  const manifest = '[project]\nname = "app"\nversion = "1.0"\nrequires-python = ">=3.10"\ndependencies = ["left-pad[more]", "right<3"]\n';
  let feed;
  let ours;
  let direct;

  before(async () => {
    const { PythonWorkspace } = await import("./support/python.mjs");
    feed = await edgefeed.feed({ protocol: "pypi", sources: [upstream] });
    ours = await feed.python(uv, "collaborator");
    direct = await PythonWorkspace.create(uv, { index: upstream.index });
    for (const app of [ours, direct]) {
      await app.write("requirements.in", requirements);
      await app.write("pyproject.toml", manifest);
    }
  });

  after(async () => {
    await feed?.dispose();
    await direct?.dispose();
  });

  test("pip compile resolves as it does against the upstream, without fetching a wheel", async () => {
    upstream.forget();
    const compile = ["pip", "compile", "--universal", "--generate-hashes", "requirements.in"];
    const through = (await ours.must(compile)).stdout;
    const wheels = upstream.requests(/\.whl$/).map(({ path }) => path.split("/").at(-1));
    assert.deepEqual(wheels.filter((name) => !name.startsWith("extra_one")), [], "core metadata was enough");
    assert.equal(through, (await direct.must(compile)).stdout);
    assert.match(through, /^left-pad==1\.1 /m);
  });

  test("uv lock differs in addresses only, and uv sync takes it, also without the upstream", async () => {
    for (const app of [ours, direct]) await app.must(["lock"]);
    const lock = await ours.read("uv.lock");
    assert.equal(withoutAddresses(lock), withoutAddresses(await direct.read("uv.lock")));
    assert.doesNotMatch(lock, new RegExp(await feed.token("collaborator")));
    await ours.must(["sync", "--locked"]);
    assert.equal(await ours.installed("left-pad"), "1.1");
    await upstream.down();
    try {
      await ours.clear();
      await ours.must(["sync", "--frozen"]);
      ours.configure({ token: await feed.token("reader") });
      await ours.clear();
      await ours.must(["sync", "--frozen"]);
      assert.equal(await ours.installed("right"), "2.1");
    } finally {
      await upstream.up();
    }
  });
});

/** A lock whose addresses are reduced to file names. */
function withoutAddresses(lock) {
  return lock.replace(/"http[^"]*\/([^"/]*)"/g, '"$1"').replace(/registry = "[^"]*"/g, 'registry = ""');
}

describe("poetry", { skip: missing(poetry) }, () => {
  test("locks and installs, then installs the lock again without the upstream", async () => {
    const feed = await edgefeed.feed({ protocol: "pypi", sources: [upstream] });
    const app = await feed.python(poetry, "collaborator");
    const project = '[project]\nname = "app"\nversion = "1.0"\nrequires-python = ">=3.10,<4"\ndependencies = ["left-pad[more]>=1,<2"]\n';
    const source = `[tool.poetry]\npackage-mode = false\n[[tool.poetry.source]]\nname = "feed"\nurl = "${app.index}"\npriority = "primary"\n`;
    await app.write("pyproject.toml", project + source);
    try {
      await app.must(["install"]);
      assert.equal(await app.installed("left-pad"), "1.1");
      const lock = await app.read("poetry.lock");
      await upstream.down();
      await app.clear();
      app.configure({ token: await feed.token("reader") });
      await app.must(["install"]);
      assert.equal(await app.installed("extra-one"), "1.0");
      assert.equal(await app.read("poetry.lock"), lock);
      // A second look at the same pages is conditional; answers that change a header then break poetry's cache.
      await app.must(["lock", "--regenerate"]);
    } finally {
      await upstream.up();
      await feed.dispose();
    }
  });
});

describe("pdm", { skip: missing(pdm) }, () => {
  test("locks and installs, then installs the lock again without the upstream", async () => {
    const feed = await edgefeed.feed({ protocol: "pypi", sources: [upstream] });
    const app = await feed.python(pdm, "collaborator");
    const project = '[project]\nname = "app"\nversion = "1.0"\nrequires-python = ">=3.10"\ndependencies = ["left-pad[more]<2"]\n[tool.pdm]\ndistribution = false\n';
    await app.write("pyproject.toml", project);
    await app.must(["use", "--first", `${app.project}/.venv/bin/python`]);
    try {
      await app.must(["install", "--no-self"]);
      assert.equal(await app.installed("left-pad"), "1.1");
      const lock = await app.read("pdm.lock");
      assert.doesNotMatch(lock, new RegExp(await feed.token("collaborator")));
      await upstream.down();
      await app.clear();
      await app.must(["sync", "--no-self"]);
      assert.equal(await app.installed("extra-one"), "1.0");
      assert.equal(await app.read("pdm.lock"), lock);
    } finally {
      await upstream.up();
      await feed.dispose();
    }
  });
});
