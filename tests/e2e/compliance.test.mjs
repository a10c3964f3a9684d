// The contracts of the ports, on the real bindings of the local runtime: the same suite that runs natively in memory.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startServer } from "../../tools/serve.mjs";
import { buildDir } from "../../tools/toolchain.mjs";

let server;
const logged = [];

before(async () => {
  const onLog = ({ message }) => void logged.push(message);
  server = await startServer({ build: join(buildDir, "compliance"), vars: { COMPLIANCE: "true" }, onLog });
});

after(() => server.stop());

const post = (headers = {}) => fetch(`${server.url}/_edgefeed/compliance`, { method: "POST", headers });

test("KV, R2 and the cache keep the contracts of the ports", async () => {
  const answer = await post();
  assert.equal(answer.status, 200);
  const { checks, failed } = await answer.json();
  assert.deepEqual(checks.filter((check) => !check.ok), []);
  assert.equal(failed, 0);
  assert.ok(checks.length > 20, `${checks.length} checks`);
});

test("an isolate answers again after a panic", async () => {
  const broken = await post({ "x-panic": "yes" });
  assert.ok(broken.status >= 500, `${broken.status}`);
  const next = await fetch(`${server.url}/_edgefeed/health`);
  assert.equal(next.status, 200);
  assert.equal((await next.json()).status, "ok");
  assert.ok(logged.some((line) => line.includes("Critical")), logged.join("\n"));
});

test("the release build does not offer them", async () => {
  const release = await startServer({ vars: { COMPLIANCE: "true" } });
  try {
    const answer = await fetch(`${release.url}/_edgefeed/compliance`, { method: "POST" });
    assert.equal(answer.status, 404);
  } finally {
    await release.stop();
  }
});
