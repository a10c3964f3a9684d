// The commands in README, run by a shell as they stand there and in their order, against a deployment as `make dev` makes
// it. The server's address is exchanged, and whatever the server asks of another host a scripted registry answers.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { Response } from "miniflare";

import { provision } from "../../tools/provision.mjs";
import { startServer } from "../../tools/serve.mjs";
import { root } from "../../tools/toolchain.mjs";
import { startNpmUpstream } from "../upstream/npm.mjs";
import { Workspace } from "./support/workspace.mjs";

describe("the commands of README", () => {
  const rootToken = randomBytes(24).toString("hex");
  let upstream;
  let server;
  let tokens;
  let shell;

  before(async () => {
    upstream = await startNpmUpstream({ tarballBase: () => "https://npm.example.com/" });
    upstream.packages.add({ name: "left-pad", versions: { "1.2.0": {}, "1.3.0": { files: { "README.md": "# left-pad\n" } } } });
    const outboundService = async (request) => {
      const answer = await fetch(new URL(new URL(request.url).pathname.slice(1), upstream.url), { headers: { accept: request.headers.get("accept") } });
      const headers = { "content-type": answer.headers.get("content-type") };
      return new Response(await answer.arrayBuffer(), { status: answer.status, headers });
    };
    server = await startServer({ rootToken, vars: { CREDENTIALS_KEY: randomBytes(24).toString("hex") }, worker: { outboundService } });
    tokens = await provision({ url: server.url, tokens: { ROOT_TOKEN: rootToken } });
    shell = await Workspace.open({ environment: () => ({}) });
    const lines = Object.entries(tokens).map(([name, token]) => `${name}=${token}\n`);
    await shell.write(".edgefeed/tokens.env", lines.join(""));
  });

  after(async () => {
    await shell?.dispose();
    await server?.stop();
    await upstream?.stop();
  });

  test("on upstream sources, and on management, do what they say", async () => {
    for (const heading of ["How saving works", "Manage"]) await follow(heading);
    const about = async (path) => {
      const answer = await fetch(`${server.url}/local/${path}`, { headers: { authorization: `Bearer ${tokens.ADMIN_TOKEN}` } });
      return answer.json();
    };
    const main = await about("_apis/packaging/feeds/main");
    assert.deepEqual(main.upstreamSources.map(({ name, hasCredentials }) => [name, hasCredentials ?? false]), [["ours", true], ["theirs", true], ["npmjs", false]]);
    const [restored] = (await about("_apis/packaging/feeds/main/packages/npm:left-pad/versions")).value;
    assert.deepEqual([restored.version, restored.views.map(({ name }) => name)], ["1.3.0", ["Local", "Release"]]);
    assert.equal((await about("_apis/packaging/feeds/crew")).name, "crew");
    assert.equal((await about("_packaging/main@Release/npm/registry/left-pad"))["dist-tags"].latest, "1.3.0");
  });

  test("on Universal packages do what they say", async () => {
    await follow("Universal packages");
    const read = (path) => readFile(join(shell.project, path));
    assert.deepEqual(await read("restored/hello"), await read("tools/bin/hello"));
    assert.deepEqual(await read("restored/docs/README.md"), await read("tools/README.md"));
    assert.ok((await read("restored/large.bin")).equals(await read("tools/large.bin")), "other bytes");
    const answer = await fetch(`${server.url}/local/_packaging/main/upack/my-tools`, { headers: { authorization: `Bearer ${tokens.READER_TOKEN}` } });
    const { latest, versions } = await answer.json();
    assert.deepEqual([latest, versions.map(({ version }) => version)], ["2.0.0", ["1.1.0", "1.2.0", "2.0.0"]]);
  });

  /** Runs the shell's block below a heading; the first command that fails, or is refused, ends it. */
  async function follow(heading) {
    const [, section] = readFileSync(join(root, "README.md"), "utf8").split(`\n## ${heading}\n`);
    const [, block] = /```sh\n(.*?)```/s.exec(section);
    const refusing = 'set -eu -o pipefail\ncurl() { command curl --fail-with-body -sS "$@"; }\n';
    const script = refusing + block.replaceAll("http://localhost:8787", server.url);
    const { code, output } = await shell.runProgram(["bash", "-c", script]);
    assert.equal(code, 0, `below "${heading}":\n${output}`);
  }
});
