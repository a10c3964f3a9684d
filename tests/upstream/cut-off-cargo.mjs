// Stands on loopback before the crate registry this machine is configured for, as cut-off.mjs does for npm: index files
// pass, and `config.json` sends clients here for archives too.

import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

import { stockSource } from "../../tools/catalogue.mjs";
import { indexPath } from "./cargo-packages.mjs";
import { startUpstream } from "./frame.mjs";

/** The sparse index that stands in for cargo's default registry on this machine; the public one if none does. */
export function configuredSparseIndex() {
  const file = join(process.env.CARGO_HOME || join(homedir(), ".cargo"), "config.toml");
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  const name = /^\[source\.crates-io\][^[]*?^replace-with\s*=\s*"([^"]+)"/ms.exec(text)?.[1];
  const index = name && new RegExp(`^\\[(?:source|registries)\\.${name}\\][^[]*?^(?:registry|index)\\s*=\\s*"sparse\\+([^"]+)"`, "ms").exec(text)?.[1];
  return (index || stockSource("cargo")).replace(/\/?$/, "/");
}

/** The upstream to name as a source. */
export async function startCargoCutOff(index = configuredSparseIndex()) {
  const passage = new Passage(index);
  const upstream = await startUpstream((request) => passage.respond(request), {});
  passage.self = upstream.url;
  upstream.protocol = "cargo";
  return upstream;
}

class Passage {
  constructor(index) {
    this.index = index;
  }

  async respond(request) {
    if (request.method !== "GET" && request.method !== "HEAD") return { status: 405, body: "read only" };
    if (request.path === "/config.json") {
      return { body: { dl: `${this.self}-/dl/{crate}/{version}/{sha256-checksum}`, api: `${this.self}-` } };
    }
    const direct = /^\/-\/dl\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(request.rawPath);
    const [, name, version, checksum] = direct ?? /^\/api\/v1\/crates\/([^/]+)\/([^/]+)\/download$/.exec(request.rawPath) ?? [];
    if (name) return pass(await this.#archive(name, version, checksum));
    return pass(new URL(request.rawPath.slice(1), this.index));
  }

  /** Where the real registry says the archive is. */
  async #archive(name, version, checksum) {
    this.template ??= fetch(new URL("config.json", this.index)).then(async (answer) => (await answer.json()).dl);
    const template = await this.template;
    const prefix = indexPath(name).split("/").slice(0, -1).join("/");
    const values = { "{crate}": name, "{version}": version, "{prefix}": prefix, "{lowerprefix}": prefix, "{sha256-checksum}": checksum };
    const address = template.replace(/\{[a-z0-9-]+\}/g, (marker) => values[marker] ?? marker);
    return address === template ? `${template}/${name}/${version}/download` : address;
  }
}

async function pass(target) {
  const answer = await fetch(target);
  const headers = { "content-type": answer.headers.get("content-type") ?? "application/octet-stream" };
  const etag = answer.headers.get("etag") ?? undefined;
  return { status: answer.status, headers, body: Buffer.from(await answer.arrayBuffer()), etag, ranges: answer.ok };
}
