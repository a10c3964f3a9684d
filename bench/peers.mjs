// Whom Edgefeed is compared with: verdaccio, and a Worker that does nothing but stream. Those of Python and cargo stand in
// python-peers.mjs and cargo-peers.mjs.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Log, LogLevel, Miniflare } from "miniflare";
import { cacheDir, root } from "../tools/toolchain.mjs";
import { freePort, serveProcess } from "./process.mjs";

/** verdaccio with one upstream, everybody allowed to read, in a process of its own: `{ registry, stop }`. */
export async function startVerdaccio(upstream, folder) {
  const program = join(installed(), "verdaccio", "bin", "verdaccio");
  const config = join(folder, "config.yaml");
  writeFileSync(config, JSON.stringify(configuration(upstream))); // JSON is YAML
  const port = await freePort();
  const args = ["--no-deprecation", program, "--config", config, "--listen", `127.0.0.1:${port}`];
  const registry = `http://127.0.0.1:${port}/`;
  const command = [process.execPath, ...args];
  const { stop } = await serveProcess("verdaccio", command, { folder, probe: `${registry}-/ping`, env: { NODE_ENV: "production" } });
  return { registry, stop };
}

/** As its documentation recommends for a cache in front of a registry; what it knows stays fresh for the whole run. */
function configuration(upstream) {
  return {
    storage: "./storage",
    auth: { htpasswd: { file: "./htpasswd" } },
    uplinks: { upstream: { url: upstream, maxage: "1h", timeout: "120s", max_fails: 1000, fail_timeout: "1s" } },
    packages: { "@*/*": { access: "$all", proxy: "upstream" }, "**": { access: "$all", proxy: "upstream" } },
    server: { keepAliveTimeout: 60 },
    web: { enable: false },
    log: { type: "stdout", format: "json", level: "fatal" },
  };
}

/** Where the locked packages are; installs them, beside and then renamed, when they are not there yet. */
function installed() {
  const lock = createHash("sha256").update(readFileSync(join(import.meta.dirname, "package-lock.json"))).digest("hex");
  const folder = join(cacheDir, `bench-${lock.slice(0, 12)}`);
  if (!existsSync(folder)) {
    mkdirSync(cacheDir, { recursive: true });
    const temporary = mkdtempSync(join(cacheDir, "bench-new-"));
    for (const file of ["package.json", "package-lock.json"]) copyFileSync(join(import.meta.dirname, file), join(temporary, file));
    const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    const { status, stderr } = spawnSync("npm", args, { cwd: temporary, encoding: "utf8" });
    if (status !== 0) {
      rmSync(temporary, { recursive: true, force: true });
      throw new Error(`installing verdaccio failed (npm ci in bench): ${stderr}`);
    }
    renameSync(temporary, folder);
  }
  return join(folder, "node_modules");
}

/** The least a Worker can do to serve a compressed document from KV and an object from R2. */
const BARE = `export default {
  async fetch(request, { KV, R2 }) {
    if (new URL(request.url).pathname === "/listing") {
      const document = await KV.get("listing", { type: "stream", cacheTtl: 60 });
      const headers = { "content-type": "application/json", "content-encoding": "gzip" };
      return new Response(document, { headers, encodeBody: "manual" });
    }
    const object = await R2.get("tarball");
    return new Response(object.body, { headers: { "content-type": "application/octet-stream" } });
  },
};`;

/** A Worker on the runtime, and with the settings, that tools/serve.mjs gives Edgefeed: `{ url, stop }`. */
export async function startBareWorker({ listing, tarball }) {
  const [, compatibilityDate] = /^compatibility_date = "(.+)"$/m.exec(readFileSync(join(root, "wrangler.toml"), "utf8"));
  const miniflare = new Miniflare({
    host: "127.0.0.1",
    port: 0,
    log: new Log(LogLevel.ERROR),
    workers: [{
      name: "bare",
      compatibilityDate,
      modules: true,
      script: BARE,
      kvNamespaces: ["KV"],
      r2Buckets: ["R2"],
      unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    }],
  });
  await miniflare.ready;
  await (await miniflare.getKVNamespace("KV", "bare")).put("listing", listing);
  await (await miniflare.getR2Bucket("R2", "bare")).put("tarball", tarball);
  return { url: (await miniflare.unsafeGetDirectURL("bare")).href, stop: () => miniflare.dispose() };
}
