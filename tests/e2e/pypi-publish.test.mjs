// What maintainers do with a feed of Python projects: upload with every uploader, skip what exists, yank, delete; and the
// refusals they must understand.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";

import { sdist, wheel } from "../upstream/pypi-packages.mjs";
import { refused, startEdgefeed } from "./support/edgefeed.mjs";
import { flit, hatch, missing, pip26, poetry, twine, uv } from "./support/python.mjs";

const JSON_TYPE = "application/vnd.pypi.simple.v1+json";
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** The uploaders that take finished files, and how each is told to. */
const UPLOADERS = [
  { client: twine, args: ["upload", "--verbose", "dist/*"] }, // quiet, it shows the status only
  { client: uv, args: ["publish"] },
  { client: hatch, args: ["publish"] },
  { client: poetry, args: ["publish", "-r", "feed"] },
];

let edgefeed;
let feed;

before(async () => {
  edgefeed = await startEdgefeed();
  feed = await edgefeed.feed({ protocol: "pypi" });
});

after(async () => {
  await feed?.dispose();
  await edgefeed?.stop();
});

const page = async (name, options) => feed.json(`simple/${name}/`, { headers: { accept: JSON_TYPE }, ...options });

/** A project with `dist/` full of these archives, ready for any uploader. */
async function prepared(client, name, version, { role = "contributor", kinds = ["wheel", "sdist"], described = {}, view } = {}) {
  const app = await feed.python(client, role, { view });
  await app.write("pyproject.toml", `[project]\nname = "${name}"\nversion = "${version}"\ndescription = "made here"\n`);
  const built = kinds.map((kind) => (kind === "wheel" ? wheel(name, version, described) : sdist(name, version, described)));
  for (const { filename, bytes } of built) await app.write(`dist/${filename}`, bytes);
  return { app, built, upload: (args, options) => app.run(addressed(client, app, args), options) };
}

/** uv takes its settings as arguments. */
function addressed(client, app, args) {
  if (client !== uv) return args;
  return [...args, "--publish-url", app.upload, ...(app.token ? ["--token", app.token] : [])];
}

async function published({ upload }, args) {
  const { code, output } = await upload(args);
  assert.equal(code, 0, output);
  return output;
}

for (const { client, args } of UPLOADERS) {
  describe(client.name, { skip: missing(client) }, () => {
    const name = `Made.By-${client.name}`;

    test("publishes a wheel and a source archive, which pip and uv install", async () => {
      const described = { requiresPython: ">=3.8", metadataVersion: "2.3" };
      const prep = await prepared(client, name, "1.0", { described });
      await published(prep, args);
      const { files, versions } = await page(name.toLowerCase().replaceAll(".", "-"));
      assert.deepEqual(versions, ["1.0"]);
      assert.deepEqual(files.map(({ hashes }) => hashes.sha256).sort(), prep.built.map(({ bytes }) => sha256(bytes)).sort());
      const listed = files.find(({ filename }) => filename.endsWith(".whl"));
      assert.equal(listed["requires-python"], ">=3.8");
      assert.equal(listed["core-metadata"].sha256, sha256(prep.built[0].metadata));
      for (const installer of [pip26, uv]) {
        const app = await feed.python(installer, "reader");
        await app.install(name);
        assert.equal(await app.installed(name), "1.0");
        await app.clear();
        await app.install("--no-binary", installer === uv ? name : ":all:", name);
        assert.equal(await app.installed(name), "1.0");
      }
    });

    test("other bytes under a name that is taken are refused, and the reason is shown", async () => {
      const other = await prepared(client, name, "1.0", { described: { summary: "other bytes" } });
      const { code, output } = await other.upload(args);
      assert.notEqual(code, 0, output);
      assert.match(output, /already exist|409|conflict/i);
      const again = await page(name.toLowerCase().replaceAll(".", "-"));
      assert.ok(again.files.every(({ hashes }) => other.built.every(({ bytes }) => sha256(bytes) !== hashes.sha256)));
    });

    test("a refusal names the missing role", async () => {
      for (const role of ["reader", "collaborator"]) {
        const { code, output } = await (await prepared(client, "unwelcome", "1.0", { role })).upload(args);
        assert.notEqual(code, 0, output);
        assert.match(output, /contributor|403|forbidden/i);
        if ([twine, uv].includes(client)) assert.match(output, /contributor/i);
      }
      await refused(await feed.fetch("simple/unwelcome/"), 404);
    });
  });
}

describe("flit", { skip: missing(flit) }, () => {
  test("builds and publishes by itself", async () => {
    const app = await feed.python(flit, "contributor");
    const build = '[build-system]\nrequires = ["flit_core >=3.11,<5"]\nbuild-backend = "flit_core.buildapi"\n';
    await app.write("pyproject.toml", `${build}[project]\nname = "Made.by_flit"\nversion = "0.1"\ndescription = "made here"\n[tool.flit.module]\nname = "made_by_flit"\n`);
    await app.write("made_by_flit/__init__.py", '"""made here"""\n');
    await app.must(["publish", "--no-use-vcs"]);
    const reader = await feed.python(pip26, "reader");
    await reader.install("made-by-flit");
    assert.equal(await reader.installed("made-by-flit"), "0.1");
  });
});

describe("what exists already", { skip: missing() }, () => {
  test("the same bytes again are no failure, and new files of a version join those that are there", async () => {
    for (const [index, { client, args }] of UPLOADERS.filter(({ client }) => [twine, uv].includes(client)).entries()) {
      const name = `grows-${index}`;
      await published(await prepared(client, name, "1.0", { kinds: ["wheel"] }), args);
      const both = await prepared(client, name, "1.0");
      const { code, output } = await both.upload(client === uv ? [...args, "--check-url", both.app.indexWithToken] : args);
      assert.equal(code, 0, output);
      assert.equal((await page(name)).files.length, 2);
    }
  });

  test("uv --check-url skips what is there without sending it; poetry --skip-existing goes on", async () => {
    const first = await prepared(uv, "checked", "1.0");
    await published(first, ["publish"]);
    const output = await published(first, ["publish", "--check-url", first.app.indexWithToken]);
    assert.match(output, /skipping|already exists/i);
    const other = await prepared(poetry, "checked", "1.0", { described: { summary: "other bytes" } });
    await published(other, ["publish", "-r", "feed", "--skip-existing"]);
  });
});

describe("yank and delete", { skip: missing() }, () => {
  test("a yanked version is taken by its number only, until it is listed again", async () => {
    for (const version of ["1.0", "1.1"]) await published(await prepared(twine, "yanked", version), ["upload", "dist/*"]);
    await feed.patch("yanked", "1.1", { listed: false });
    const { files } = await page("yanked");
    assert.deepEqual(files.map(({ filename, yanked }) => [filename.includes("-1.1"), Boolean(yanked)]).filter(([is, marked]) => is !== marked), []);
    const app = await feed.python(pip26, "reader");
    await app.install("yanked");
    assert.equal(await app.installed("yanked"), "1.0");
    const { output } = await app.install("yanked==1.1");
    assert.match(output, /yanked/i);
    await feed.patch("yanked", "1.1", { listed: true });
    await app.install("--upgrade", "yanked");
    assert.equal(await app.installed("yanked"), "1.1");
  });

  test("a deleted version is gone, and its number is taken for ever", async () => {
    for (const version of ["1.0", "1.1"]) await published(await prepared(uv, "withdrawn", version), ["publish"]);
    const [file] = (await page("withdrawn")).files.filter(({ filename }) => filename.includes("-1.1"));
    await feed.delete("withdrawn", "1.1");
    assert.deepEqual((await page("withdrawn")).versions, ["1.0"]);
    const headers = { authorization: `Bearer ${await feed.token("reader")}` };
    assert.equal((await fetch(file.url, { headers })).status, 404);
    const app = await feed.python(uv, "reader");
    await app.install("withdrawn");
    assert.equal(await app.installed("withdrawn"), "1.0");
    await app.mustFail(["pip", "install", "withdrawn==1.1"]);
    for (const { client, args } of UPLOADERS.filter(({ client }) => [twine, uv].includes(client))) {
      const { code, output } = await (await prepared(client, "withdrawn", "1.1")).upload(args);
      assert.notEqual(code, 0, output);
      assert.match(output, /deleted/i);
    }
    await published(await prepared(uv, "withdrawn", "1.2"), ["publish"]);
  });
});

describe("what is sent is checked", { skip: missing() }, () => {
  const form = (fields, file, content) => {
    const body = new FormData();
    const whole = { ":action": "file_upload", protocol_version: "1", metadata_version: "2.4", ...fields };
    for (const [key, value] of Object.entries(whole)) body.append(key, value);
    if (file) body.append("content", new Blob([content]), file);
    return body;
  };
  const post = (body) => feed.fetch("upload/", { method: "POST", role: "contributor", body });

  test("metadata of every version, future ones too, with fields nobody knows yet", async () => {
    for (const [index, metadataVersion] of ["2.1", "2.2", "2.3", "2.4", "9.9"].entries()) {
      const version = `1.${index}`;
      const { filename, bytes } = wheel("described", version, { metadataVersion });
      const fields = { name: "described", version, filetype: "bdist_wheel", pyversion: "py3", metadata_version: metadataVersion };
      const answer = await post(form({ ...fields, sha256_digest: sha256(bytes), from_the_future: "yes" }, filename, bytes));
      assert.ok([200, 201].includes(answer.status), `${metadataVersion}: ${await answer.text()}`);
    }
    assert.equal((await page("described")).versions.length, 5);
  });

  test("digests, names, versions and kinds that lie are refused with a text", async () => {
    const { filename, bytes } = wheel("liar", "1.0");
    const md5 = createHash("md5").update(bytes).digest("hex");
    const fields = { name: "liar", version: "1.0", filetype: "bdist_wheel", pyversion: "py3", sha256_digest: sha256(bytes), md5_digest: md5 };
    const lies = [
      [{ sha256_digest: "0".repeat(64) }, filename, bytes],
      [{ md5_digest: "0".repeat(32) }, filename, bytes],
      [{ name: "other" }, filename, bytes],
      [{ version: "2.0" }, filename, bytes],
      [{ version: "not a version" }, filename, bytes],
      [{ filetype: "bdist_egg" }, filename.replace(".whl", ".egg"), bytes],
      [{}, "../liar-1.0-py3-none-any.whl", bytes],
      [{}, filename, Buffer.from("no archive")],
      [{}, undefined, undefined],
      [{ ":action": "submit" }, filename, bytes],
    ];
    for (const [lie, file, content] of lies) {
      const answer = await post(form({ ...fields, ...lie }, file, content));
      await refused(answer, [400, 410, 415, 422], /\w/);
    }
    await refused(await feed.fetch("simple/liar/"), 404);
  });

  test("views take no uploads", async () => {
    const { code, output } = await (await prepared(twine, "viewed", "1.0", { view: "Release" })).upload(["upload", "dist/*"]);
    assert.notEqual(code, 0, output);
    assert.match(output, /view/i);
  });
});
