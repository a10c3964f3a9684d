// A client that exchanges a pipeline's identity for a token, which is not offered here: it learns so at once, and publishes with
// the token it has. (uv and twine ask over TLS only, whatever the scheme of the index: what they would get is tested in process.)

import assert from "node:assert/strict";
import { test } from "node:test";

import { npm11, npm12 } from "./support/clients.mjs";
import { feedMaker } from "./support/feeds.mjs";

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
