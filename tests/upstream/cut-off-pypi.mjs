// Stands on loopback before the Python index this machine is configured for, as cut-off.mjs does for npm: pages pass with
// the addresses of their files turned to this server, wherever the index keeps them.

import { configuredIndex } from "../../tools/python.mjs";
import { startUpstream } from "./frame.mjs";

/** The upstream to name as a source; `index` is its simple index. */
export async function startPypiCutOff(index = configuredIndex()) {
  const passage = new Passage(index);
  const upstream = await startUpstream((request) => passage.respond(request), {});
  passage.self = upstream.url;
  upstream.protocol = "pypi";
  upstream.index = `${upstream.url}simple/`;
  return upstream;
}

class Passage {
  /** Files come from hosts that a page has named, and from no others. */
  #origins = [];

  constructor(index) {
    const { username, password } = new URL(index);
    const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString("base64");
    this.authorization = username ? { authorization: `Basic ${credentials}` } : {};
    this.index = new URL(index);
    this.index.username = this.index.password = "";
  }

  async respond(request) {
    if (request.method !== "GET" && request.method !== "HEAD") return { status: 405, body: "read only" };
    if (request.rawPath.startsWith("/simple/")) return this.#page(request);
    const [, origin, path] = /^\/files\/(\d+)(\/.+)$/.exec(request.rawPath) ?? [];
    if (!this.#origins[origin]) return { status: 404, body: "not found" };
    return this.#file(new URL(path, this.#origins[origin]));
  }

  async #page(request) {
    const target = new URL(request.rawPath.slice("/simple/".length), this.index);
    const headers = { ...this.authorization, ...(request.headers.accept && { accept: request.headers.accept }) };
    const answer = await fetch(target, { headers });
    const type = answer.headers.get("content-type") ?? "text/html";
    const text = await answer.text();
    return { status: answer.status, headers: { "content-type": type }, body: answer.ok ? this.#turned(text, answer.url) : text, compress: true };
  }

  /** Whatever the host, it becomes this server. */
  #turned(text, page) {
    return text.replace(/("url"\s*:\s*"|href=")([^"#]+)/g, (_, before, address) => {
      const url = new URL(address, page);
      let origin = this.#origins.indexOf(url.origin);
      if (origin < 0) origin = this.#origins.push(url.origin) - 1;
      return `${before}${this.self}files/${origin}${url.pathname}`;
    });
  }

  async #file(target) {
    const answer = await fetch(target, { headers: target.origin === this.index.origin ? this.authorization : {} });
    const headers = { "content-type": answer.headers.get("content-type") ?? "application/octet-stream" };
    return { status: answer.status, headers, body: Buffer.from(await answer.arrayBuffer()), ranges: answer.ok };
  }
}
