// What npm asks beside packages: who am I, search, view, login, audits, keys, attestations.

import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";

import { startNpmUpstream } from "../upstream/npm.mjs";
import { npm11, npm12, npm6, pnpm10, pnpm12, yarnBerry } from "./support/clients.mjs";
import { refusal, startEdgefeed } from "./support/edgefeed.mjs";

let edgefeed;
let upstream;
let feed;

before(async () => {
  upstream = await startNpmUpstream();
  upstream.packages.add({
    name: "left",
    description: "goes left",
    keywords: ["direction"],
    versions: { "1.0.0": {}, "1.1.0": { attested: true } },
  });
  const advisory = { id: 4711, title: "Falls over", severity: "high", url: "https://example.com/4711", vulnerable_versions: "<1.1.0" };
  upstream.addAdvisory("left", { ...advisory, affected: ["1.0.0"] });
  edgefeed = await startEdgefeed();
  feed = await edgefeed.feed({ sources: [upstream] });
  await feed.publish(npm11, { name: "left-handed", version: "1.0.0", keywords: ["glove"] });
});

after(async () => {
  await feed?.dispose();
  await edgefeed?.stop();
  await upstream?.stop();
});

/** `npm view --json` prints one object up to npm 11, and a list of them from npm 12 on. */
const jsonOf = ({ stdout }) => [JSON.parse(stdout)].flat();

for (const client of [npm6, npm11, npm12]) {
  describe(client.name, () => {
    test("whoami and ping", async () => {
      const reader = await feed.workspace(client, "reader");
      assert.equal((await reader.must(["whoami"])).stdout.trim(), `reader-of-${feed.name}`);
      await reader.must(["ping"]);
      const nobody = await feed.workspace(client, "anonymous");
      assert.match((await nobody.mustFail(["whoami"])).output, /ENEEDAUTH|E401|401/);
    });

    test("search finds packages published here before the upstream's", async () => {
      const app = await feed.workspace(client, "collaborator");
      const found = JSON.parse((await app.must(["search", "left", "--json"])).stdout);
      // npm 11 and later sort what they got, so the registry's own order shows in the plain answer only.
      assert.deepEqual(found.map(({ name }) => name).sort(), ["left", "left-handed"]);
      const { objects } = await feed.json("-/v1/search?text=left&size=20");
      assert.deepEqual(objects.map((object) => object.package.name).slice(0, 1), ["left-handed"]);
      const reader = await feed.workspace(client, "reader");
      const own = JSON.parse((await reader.must(["search", "left-hand", "--json"])).stdout);
      assert.deepEqual(own.map(({ name }) => name), ["left-handed"]);
    });

    test("view shows upstream fields truthfully and links of this feed", async () => {
      const app = await feed.workspace(client, "collaborator");
      const [seen] = jsonOf(await app.must(["view", "left@1.0.0", "--json"]));
      assert.equal(seen.description, "goes left");
      assert.equal(seen.dist.tarball, `${feed.registry()}left/-/left-1.0.0.tgz`);
      const [time] = jsonOf(await app.must(["view", "left", "time", "--json"]));
      assert.equal(time["1.1.0"], "2024-01-02T00:00:00.000Z");
    });

    test("audit reports the upstream's advisory", async () => {
      const app = await feed.workspace(client, "collaborator");
      await app.add("left@1.0.0");
      const { stdout, code } = await app.run(["audit", "--json"]);
      assert.equal(code, 1, stdout);
      assert.match(stdout, /Falls over/);
      await app.add("left@1.1.0");
      assert.doesNotMatch((await app.must(["audit", "--json"])).stdout, /Falls over/);
    });

    test("pack fetches the archive by name", async () => {
      const app = await feed.workspace(client, "reader");
      await app.must(["pack", "left-handed"]);
      assert.ok(app.exists("left-handed-1.0.0.tgz"));
    });
  });
}

describe("login", () => {
  test("a token works as the password of any user name, as Azure's instructions write it", async () => {
    const project = await feed.workspace(npm11, "anonymous");
    const password = Buffer.from(await feed.token("reader")).toString("base64");
    const prefix = feed.registry().replace(/^http:/, "");
    const lines = [`registry=${feed.registry()}`, `${prefix}:username=anybody`, `${prefix}:_password=${password}`];
    await project.write(".npmrc", [...lines, `${prefix}:email=any@example.com`, ""].join("\n"));
    await project.add("left-handed");
    assert.equal(await project.installed("left-handed"), "1.0.0");
  });

  test("npm login takes a token for a password, logout is polite", async () => {
    const project = await feed.workspace(npm11, "anonymous");
    const token = await feed.token("reader");
    const dialogue = [[/username:/i, `reader-of-${feed.name}`], [/password:/i, token], [/email/i, "reader@example.com"]];
    const tried = await project.run(["login", "--auth-type=legacy"], { input: dialogue });
    assert.equal(tried.code, 0, tried.output);
    assert.equal((await project.must(["whoami"])).stdout.trim(), `reader-of-${feed.name}`);
    await project.must(["logout"]);
    await project.mustFail(["whoami"]);
    // The token itself lives on: it is the administrator's to revoke, and other machines may use it.
    assert.equal((await feed.fetch("-/whoami", { role: "reader" })).status, 200);
  });

  test("a wrong password is refused", async () => {
    const body = JSON.stringify({ name: "x", password: "wrong", type: "user" });
    const options = { method: "PUT", role: "anonymous", body, headers: { "content-type": "application/json" } };
    await refusal(await feed.fetch("-/user/org.couchdb.user:x", options), 401);
  });
});

for (const client of [npm6, npm11, npm12]) {
  // npm 12 has no stars any more.
  if (client !== npm12) {
    test(`${client.name} star, stars, unstar`, async () => {
      const fan = await feed.workspace(client, "contributor");
      const me = `contributor-of-${feed.name}`;
      for (const name of ["left-handed", "left"]) await fan.must(["star", name]);
      assert.deepEqual((await fan.must(["stars"])).stdout.trim().split("\n").sort(), ["left", "left-handed"]);
      assert.deepEqual((await feed.json("left-handed")).users, { [me]: true });
      const reader = await feed.workspace(client, "reader");
      assert.match((await reader.must(["stars", me])).stdout, /left-handed/);
      assert.match((await reader.mustFail(["star", "left-handed"])).output, /needs Contributor/);
      for (const name of ["left-handed", "left"]) await fan.must(["unstar", name]);
      assert.equal((await feed.json("left-handed")).users, undefined);
      assert.equal((await fan.must(["stars"])).stdout.trim(), "");
    });
  }

  test(`${client.name} token create, list, revoke`, async () => {
    const owner = await feed.workspace(client, "contributor");
    const password = [[/password/i, "any"]];
    const made = await owner.must(["token", "create", "--json", "--name=ci"], { input: password });
    const { token } = JSON.parse(made.stdout.slice(made.stdout.indexOf("{")));
    const asToken = (headers) => ({ role: "anonymous", headers: { authorization: `Bearer ${token}`, ...headers } });
    assert.equal((await feed.json("-/whoami", asToken())).username, `contributor-of-${feed.name}`);
    const listed = JSON.parse((await owner.must(["token", "list", "--json"])).stdout);
    assert.equal(listed.length, 2);
    assert.ok(!JSON.stringify(listed).includes(token));
    assert.match((await owner.must(["token", "list"])).stdout, /efp_/);
    await owner.must(["token", "revoke", token]);
    assert.equal((await feed.fetch("-/whoami", asToken())).status, 401);
    assert.equal(JSON.parse((await owner.must(["token", "list", "--json"])).stdout).length, 1);

    const narrow = await owner.must(["token", "create", "--json", ...readOnly(client)], { input: password });
    const reading = JSON.parse(narrow.stdout.slice(narrow.stdout.indexOf("{")));
    assert.equal(reading.readonly, true);
    const [{ key }] = JSON.parse((await owner.must(["token", "list", "--json"])).stdout).filter((one) => one.readonly);
    await owner.must(["token", "revoke", key.slice(0, 12)]);
    // npm 6 waits for its input to end before it fails.
    if (client === npm6) return;
    const refused = await owner.mustFail(["token", "create", "--cidr=10.0.0.0/8"], { input: password });
    assert.match(refused.output, /cannot be narrowed by `cidr_whitelist`/);
  });
}

/** npm 6 and later ones have other words for it. */
function readOnly(client) {
  return client === npm6 ? ["--read-only"] : ["--name=reading", "--packages-and-scopes-permission=read-only"];
}

describe("audits, keys and attestations", () => {
  test("keys verify what the upstream signed", async () => {
    const { keys } = await feed.json("-/npm/v1/keys");
    const { dist } = await feed.json("left/1.1.0");
    const { keyid, sig } = dist.signatures[0];
    const { key } = keys.find((candidate) => candidate.keyid === keyid);
    const spki = createPublicKey({ key: Buffer.from(key, "base64"), format: "der", type: "spki" });
    const message = Buffer.from(`left@1.1.0:${dist.integrity}`);
    assert.ok(verify("sha256", message, spki, Buffer.from(sig, "base64")));
  });

  test("attestations are fetched from this feed", async () => {
    const { dist } = await feed.json("left/1.1.0");
    const token = await feed.token("collaborator");
    assert.ok(dist.attestations.url.startsWith(feed.registry()), dist.attestations.url);
    const answer = await fetch(dist.attestations.url, { headers: { authorization: `Bearer ${token}` } });
    const { attestations } = await answer.json();
    assert.equal(attestations[0].predicateType, dist.attestations.provenance.predicateType);
  });

  test("bulk advisories accept a compressed body, and are not asked twice", async () => {
    const body = gzipSync(JSON.stringify({ left: ["1.0.0"] }));
    const headers = { "content-encoding": "gzip", "content-type": "application/json" };
    const ask = () => feed.fetch("-/npm/v1/security/advisories/bulk", { method: "POST", body, headers });
    const first = await (await ask()).json();
    assert.equal(first.left[0].id, 4711);
    assert.deepEqual(await (await ask()).json(), first);
  });

  for (const client of [pnpm10, pnpm12]) {
    test(`${client.name} audit`, async () => {
      const app = await feed.workspace(client, "collaborator");
      await app.add("left@1.0.0");
      const { output, code } = await app.run(["audit"]);
      assert.notEqual(code, 0, output);
      assert.match(output, /Falls over/);
    });
  }

  test("yarn-4 npm audit, whoami, tag list and info", async () => {
    const app = await feed.workspace(yarnBerry, "collaborator");
    await app.add("left@1.0.0");
    const { output, code } = await app.run(["npm", "audit"]);
    assert.notEqual(code, 0, output);
    assert.match(output, /Falls over/);
    assert.match((await app.must(["npm", "whoami"])).stdout, new RegExp(`collaborator-of-${feed.name}`));
    assert.match((await app.must(["npm", "tag", "list", "left"])).stdout, /latest.*1\.1\.0/);
    assert.match((await app.must(["npm", "info", "left", "--json"])).stdout, /goes left/);
  });
});

test("commands without a counterpart here end in an answer or a clean refusal, never in a server error", async () => {
  const app = await feed.workspace(npm11, "contributor");
  const commands = [
    ["owner", "ls", "left-handed"], ["owner", "add", "friend", "left-handed"], ["access", "get", "status", "left-handed"],
    ["access", "list", "packages"], ["profile", "get"], ["token", "list"], ["star", "left-handed"], ["stars"],
    ["team", "ls", "team:developers"], ["org", "ls", "team"], ["trust", "list", "left-handed"], ["stage", "list"],
  ];
  for (const command of commands) {
    const { output } = await app.run(command);
    assert.doesNotMatch(output, /E5\d\d|\b5\d\d (Internal|Bad|Service|Gateway)|<html|Unexpected token/i, command.join(" "));
  }
});

test("the root of the registry and unknown services answer in npm's shape", async () => {
  await refusal(await feed.fetch("-/npm/v1/no-such-thing"), 404);
  await refusal(await feed.fetch("-/package/left/trust"), 404);
  await refusal(await feed.fetch("-/stage"), 404);
});
