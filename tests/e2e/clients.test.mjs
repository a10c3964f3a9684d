// Every client against one feed: install by range, tag and exact version, from a lock file; publish and install again.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { startNpmUpstream } from "../upstream/npm.mjs";
import { allClients, missing } from "./support/clients.mjs";
import { startEdgefeed } from "./support/edgefeed.mjs";

let edgefeed;
let upstream;

before(async () => {
  upstream = await startNpmUpstream();
  upstream.packages.add({
    name: "left",
    versions: {
      "1.0.0": {},
      "1.1.0": { dependencies: { "@scope/right": "^2.0.0" }, bin: { left: "cli.js" }, files: { "cli.js": "#!/bin/sh\n" } },
      "2.0.0-rc.1": {},
    },
    tags: { latest: "1.1.0", next: "2.0.0-rc.1" },
  });
  upstream.packages.add({ name: "@scope/right", versions: { "2.0.0": {}, "2.0.1": {}, "3.0.0": {} } });
  edgefeed = await startEdgefeed();
});

after(async () => {
  await edgefeed?.stop();
  await upstream?.stop();
});

for (const client of allClients) {
  describe(client.name, { skip: missing(client) }, () => {
    let feed;

    before(async () => {
      feed = await edgefeed.feed({ sources: [upstream] });
    });

    after(() => feed?.dispose());

    test("installs by range, tag and exact version", async () => {
      const app = await feed.workspace(client, "collaborator");
      await app.add("left@^1.0.0");
      assert.equal(await app.installed("left"), "1.1.0");
      await app.add("left@next");
      assert.equal(await app.installed("left"), "2.0.0-rc.1");
      await app.add("left@1.0.0");
      assert.equal(await app.installed("left"), "1.0.0");
      await app.add("@scope/right@~2.0.0");
      assert.equal(await app.installed("@scope/right"), "2.0.1");
    });

    test("restores a lock file into an empty cache, also as a reader and without the upstream", async () => {
      const app = await feed.workspace(client, "collaborator");
      await app.add("left@^1.0.0");
      const lock = await app.read(client.lock);
      await upstream.down();
      try {
        await app.clear();
        await app.configure({ token: await feed.token("reader") });
        await app.restore();
        assert.equal(await app.installed("left"), "1.1.0");
        assert.equal(await app.read(client.lock), lock);
      } finally {
        await upstream.up();
        // A source that failed is left alone for some seconds, unless somebody insists.
        await feed.json("left", { headers: { "cache-control": "no-cache" } });
      }
    });

    for (const name of ["fresh", "@team/fresh"]) {
      test(`publishes ${name} and installs it`, async () => {
        await feed.publish(client, { name, version: "1.0.0" });
        const document = await feed.json(name.replace("/", "%2f"), { role: "reader" });
        assert.deepEqual(document["dist-tags"], { latest: "1.0.0" });
        assert.equal(document.versions["1.0.0"].description, `published ${name}`);
        const app = await feed.workspace(client, "reader");
        await app.add(`${name}@1.0.0`);
        assert.equal(await app.installed(name), "1.0.0");
        assert.match(await app.read(`node_modules/${name}/index.js`), /here/);
      });
    }

    test("publishing with a reader's token fails and stores nothing", async () => {
      const manifest = { name: "refused", version: "1.0.0", private: undefined };
      const project = await feed.workspace(client, "reader", { manifest });
      if (client.verbs.beforePublish) await project.must(client.verbs.beforePublish);
      const { output } = await project.mustFail(client.verbs.publish);
      assert.match(output, /contributor|403|forbidden/i);
      assert.equal((await feed.fetch("refused")).status, 404);
    });
  });
}
