// What maintainers do with npm: publish, tag, deprecate, unpublish, and the refusals they must understand.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { missing, npm11, npm12, npm6 } from "./support/clients.mjs";
import { refusal, startEdgefeed } from "./support/edgefeed.mjs";

let edgefeed;

before(async () => {
  edgefeed = await startEdgefeed();
});

after(() => edgefeed?.stop());

for (const client of [npm6, npm11, npm12]) {
  describe(client.name, { skip: missing(client) }, () => {
    let feed;

    before(async () => {
      feed = await edgefeed.feed();
    });

    after(() => feed?.dispose());

    test("dist-tags: add, ls, install by tag, rm", async () => {
      await feed.publish(client, { name: "tagged", version: "1.0.0" });
      await feed.publish(client, { name: "tagged", version: "2.0.0" });
      const maintainer = await feed.workspace(client, "contributor");
      await maintainer.must(["dist-tag", "add", "tagged@1.0.0", "stable"]);
      const listed = await maintainer.must(["dist-tag", "ls", "tagged"]);
      assert.deepEqual(listed.stdout.trim().split("\n").sort(), ["latest: 2.0.0", "stable: 1.0.0"]);
      const app = await feed.workspace(client, "reader");
      await app.add("tagged@stable");
      assert.equal(await app.installed("tagged"), "1.0.0");
      await maintainer.must(["dist-tag", "rm", "tagged", "stable"]);
      const { output } = await app.mustFail(["install", "tagged@stable"]);
      assert.match(output, /ETARGET|No matching version/);
      assert.deepEqual((await feed.json("tagged"))["dist-tags"], { latest: "2.0.0" });
      const refused = await maintainer.mustFail(["dist-tag", "add", "tagged@9.9.9", "gone"]);
      assert.match(refused.output, /9\.9\.9/);
    });

    test("publish --tag leaves latest alone", async () => {
      await feed.publish(client, { name: "channels", version: "1.0.0" });
      await feed.publish(client, { name: "channels", version: "2.0.0-beta.1" }, { args: ["publish", "--tag", "beta"] });
      assert.deepEqual((await feed.json("channels"))["dist-tags"], { latest: "1.0.0", beta: "2.0.0-beta.1" });
    });

    test("deprecate is shown at install and taken back", async () => {
      await feed.publish(client, { name: "aged", version: "1.0.0" });
      await feed.publish(client, { name: "aged", version: "1.1.0" });
      const maintainer = await feed.workspace(client, "contributor");
      await maintainer.must(["deprecate", "aged@1.0.0", "please move on"]);
      const first = await feed.workspace(client, "reader");
      assert.match((await first.must(["install", "aged@1.0.0"])).stderr, /deprecated aged@1\.0\.0: please move on/);
      const other = await feed.workspace(client, "reader");
      assert.doesNotMatch((await other.must(["install", "aged@1.1.0"])).stderr, /deprecated/);
      await maintainer.must(["deprecate", "aged@1.0.0", ""]);
      const second = await feed.workspace(client, "reader");
      assert.doesNotMatch((await second.must(["install", "aged@1.0.0"])).stderr, /deprecated/);
      assert.equal((await feed.json("aged")).versions["1.0.0"].deprecated, undefined);
    });

    test("unpublish one version: gone for installs, never to be published again", async () => {
      await feed.publish(client, { name: "withdrawn", version: "1.0.0" });
      await feed.publish(client, { name: "withdrawn", version: "1.1.0" });
      const owner = await feed.workspace(client, "administrator");
      await owner.must(["unpublish", "withdrawn@1.1.0", "--force"]);
      const app = await feed.workspace(client, "collaborator");
      await app.add("withdrawn");
      assert.equal(await app.installed("withdrawn"), "1.0.0");
      const gone = await app.mustFail(["install", "withdrawn@1.1.0"]);
      assert.match(gone.output, /ETARGET|No matching version|notarget/i);
      assert.equal((await feed.fetch("withdrawn/-/withdrawn-1.1.0.tgz")).status, 404);
      await assertRefused(feed, client, { name: "withdrawn", version: "1.1.0" }, /EPUBLISHCONFLICT|cannot publish over|deleted|409|403/i);
      await feed.publish(client, { name: "withdrawn", version: "1.2.0" });
    });

    test("unpublish a whole package, and restore a version from the recycle bin", async () => {
      await feed.publish(client, { name: "@team/closed", version: "1.0.0" });
      const owner = await feed.workspace(client, "administrator");
      await owner.must(["unpublish", "@team/closed", "--force"]);
      const app = await feed.workspace(client, "collaborator");
      const gone = await app.mustFail(["install", "@team/closed"]);
      assert.match(gone.output, /E?404|ETARGET|No matching version/);
      await assertRefused(feed, client, { name: "@team/closed", version: "1.0.0" }, /conflict|publish over|deleted|409|403/i);
      const bin = "/npm/RecycleBin/packages/@team/closed/versions/1.0.0";
      await feed.rest("PATCH", bin, { body: { deleted: false }, status: [200, 202, 204] });
      await app.add("@team/closed");
      assert.equal(await app.installed("@team/closed"), "1.0.0");
    });

    test("unpublishing takes an owner", async () => {
      await feed.publish(client, { name: "kept", version: "1.0.0" });
      const contributor = await feed.workspace(client, "contributor");
      const { output } = await contributor.mustFail(["unpublish", "kept@1.0.0", "--force"]);
      assert.match(output, /owner|administrator|403/i);
      assert.equal((await feed.fetch("kept/-/kept-1.0.0.tgz")).status, 200);
    });

    test("publishing a version twice is a conflict that npm names", async () => {
      await feed.publish(client, { name: "twice", version: "1.0.0" });
      const project = await feed.workspace(client, "contributor", {
        manifest: { name: "twice", version: "1.0.0", private: undefined },
      });
      await project.write("other.js", "module.exports = 'other bytes';\n");
      const { output } = await project.mustFail(["publish"]);
      assert.match(output, /EPUBLISHCONFLICT|cannot publish over/i);
      const tarball = await feed.fetch("twice/-/twice-1.0.0.tgz");
      const document = await feed.json("twice");
      assert.equal(document.versions["1.0.0"].dist.tarball, `${feed.registry()}twice/-/twice-1.0.0.tgz`);
      assert.equal(tarball.status, 200);
    });

    test("a refusal names the missing role where npm shows it", async () => {
      for (const role of ["reader", "collaborator"]) {
        const project = await feed.workspace(client, role, {
          manifest: { name: "unwelcome", version: "1.0.0", private: undefined },
        });
        const { output } = await project.mustFail(["publish"]);
        assert.match(output, /contributor/i);
        assert.match(output, new RegExp(role, "i"));
      }
      const project = await feed.workspace(client, "anonymous", {
        manifest: { name: "unwelcome", version: "1.0.0", private: undefined },
      });
      const { output } = await project.mustFail(["publish"]);
      assert.match(output, /ENEEDAUTH|E401|401|need auth/i);
      await refusal(await feed.fetch("unwelcome"), 404);
    });
  });
}

/** Publishing this fails with a text the user can read. */
async function assertRefused(feed, client, manifest, text) {
  const project = await feed.workspace(client, "contributor", { manifest: { private: undefined, ...manifest } });
  const { output } = await project.mustFail(["publish"]);
  assert.match(output, text);
}
