// Whom Edgefeed is compared with for cargo: crates-io-proxy, a small caching proxy in Rust, built once per user; and a
// local registry, which is a folder that cargo reads without any server.
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../tools/process.mjs";
import { cacheDir } from "../tools/toolchain.mjs";
import { indexPath } from "../tests/upstream/cargo-packages.mjs";
import { freePort, serveProcess } from "./process.mjs";

export const PROXY = { crate: "crates-io-proxy", version: "0.2.4" };

function installed() {
  const root = join(cacheDir, `${PROXY.crate}-${PROXY.version}`);
  const program = join(root, "bin", PROXY.crate);
  if (!existsSync(program)) {
    console.error(`bench: building ${PROXY.crate} ${PROXY.version} (once per user)`);
    const { CARGO_TARGET_DIR, RUSTFLAGS, ...env } = process.env;
    run("cargo", ["install", "--quiet", "--locked", "--root", root, "--version", PROXY.version, PROXY.crate], { cwd: "/", env });
  }
  return program;
}

/** A caching proxy of one upstream: `{ index, stop }`. What it knows stays fresh for the whole run. */
export async function startCratesProxy(upstream, folder) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const options = {
    "--listen": `127.0.0.1:${port}`,
    "--upstream-url": upstream.url,
    "--index-url": upstream.url,
    "--proxy-url": url,
    "--cache-dir": mkdtempSync(join(folder, "crates-io-proxy-")),
    "--cache-ttl": "3600",
  };
  const command = [installed(), ...Object.entries(options).flat()];
  const { stop } = await serveProcess(PROXY.crate, command, { folder, probe: `${url}index/config.json` });
  return { index: `${url}index/`, stop };
}

/** A folder with the crates of a lock, in cargo's format for local registries; `index` is where they come from. */
export async function localRegistry(index, lock, folder) {
  const root = join(folder, "local-registry");
  const { dl } = await (await fetch(`${index}config.json`)).json();
  const locked = [...lock.matchAll(/^name = "(.+)"\nversion = "(.+)"\nsource = .+\nchecksum = "(.+)"$/gm)];
  for (const [, name, version, checksum] of locked) {
    const lines = await fetchBytes(index + indexPath(name));
    const place = join(root, "index", indexPath(name));
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, lines);
    const template = dl.includes("{crate}") ? dl : `${dl}/{crate}/{version}/download`;
    const address = template.replace("{crate}", name).replace("{version}", version).replace("{sha256-checksum}", checksum);
    writeFileSync(join(root, `${name}-${version}.crate`), await fetchBytes(address));
  }
  return root;
}

async function fetchBytes(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`GET ${url} -> ${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}
