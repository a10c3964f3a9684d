// Clients that exchange a pipeline's identity for a token, which is not offered here: they learn so at once, and publish with
// the token they have.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { describe, test } from "node:test";

import { wheel } from "../upstream/pypi-packages.mjs";
import { npm11, npm12 } from "./support/clients.mjs";
import { feedMaker } from "./support/feeds.mjs";
import { missing, uv } from "./support/python.mjs";

const newFeed = feedMaker();

for (const client of [npm11, npm12]) {
  test(`${client.name} is told why, and goes on with its token`, async () => {
    const feed = await newFeed();
    const manifest = { name: "trusted", version: "1.0.0", private: undefined, description: "made in a pipeline" };
    const project = await feed.workspace(client, "contributor", { manifest });
    const env = { GITLAB_CI: "true", NPM_ID_TOKEN: "header.payload.signature" };
    const { output } = await project.must(["publish", "--loglevel=verbose"], { env });
    assert.match(output, /exchange.*trusted publishing is not offered here: publish with a token that is Contributor/);
    assert.equal((await feed.json("trusted/1.0.0")).description, "made in a pipeline");
  });
}

describe("uv", { skip: missing() }, () => {
  test("that is to publish so and in no other way fails at once", async () => {
    const identity = createServer((_, answer) => answer.end(JSON.stringify({ value: "header.payload.signature" })));
    await new Promise((listening) => identity.listen(0, "127.0.0.1", listening));
    try {
      const feed = await newFeed({ protocol: "pypi" });
      const app = await feed.python(uv, "contributor");
      const { filename, bytes } = wheel("trusted", "1.0");
      await app.write(`dist/${filename}`, bytes);
      const address = `http://127.0.0.1:${identity.address().port}/?for=a-pipeline`;
      const env = { GITHUB_ACTIONS: "true", ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: "x" };
      const { output } = await app.mustFail(["publish", "--trusted-publishing", "always", "--publish-url", app.upload, "dist/*"], { env });
      assert.match(output, /trusted publishing/i);
      assert.doesNotMatch(output, /\b5\d\d\b|timed out/);
    } finally {
      identity.close();
    }
  });
});
