// The server under test, and handles on its feeds: provisioning through its own REST surface, as an administrator would.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { startServer } from "../../../tools/serve.mjs";
import { CargoWorkspace } from "./cargo.mjs";
import { Workspace } from "./clients.mjs";
import { MavenWorkspace } from "./maven.mjs";
import { NugetWorkspace } from "./nuget.mjs";
import { PythonWorkspace } from "./python.mjs";

const ORGANIZATION = "local";

/** Below a feed's base URL. */
const ROOTS = { npm: "npm/registry/", pypi: "pypi/", nuget: "nuget/", maven: "maven/v1/", cargo: "Cargo/", upack: "upack/" };

/** Each role with the narrowest scope that lets it do its work. */
const SCOPES = { reader: "read", collaborator: "restore", contributor: "write", administrator: "manage" };

/** Starts the built Worker on an empty store with organization `local`; upstreams on loopback are allowed. */
export async function startEdgefeed({ vars, ...options } = {}) {
  const rootToken = randomBytes(24).toString("hex");
  const secrets = { CREDENTIALS_KEY: randomBytes(24).toString("hex") };
  const server = await startServer({ rootToken, vars: { ALLOW_PRIVATE_UPSTREAMS: "true", ...secrets, ...vars }, ...options });
  try {
    const edgefeed = new Edgefeed(server);
    const path = "/_edgefeed/organizations";
    const body = { name: ORGANIZATION, administrator: "admin" };
    const created = await edgefeed.rest("POST", path, { token: rootToken, body, status: 201 });
    edgefeed.admin = created.administrator.token;
    return edgefeed;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

class Edgefeed {
  #feeds = 0;

  constructor(server) {
    this.server = server;
    this.url = server.url;
  }

  stop() {
    return this.server.stop();
  }

  /**
   * A new feed, seen through one `protocol`. `sources` are upstream sources in order: scripted upstreams, other feeds
   * (their local view), or REST objects; the rest goes into the feed as it is.
   */
  async feed({ name = `feed-${(this.#feeds += 1)}`, protocol = "npm", sources = [], ...settings } = {}) {
    const upstreamSources = sources.map((source) => describeSource(source, protocol));
    const body = { name, upstreamEnabled: true, upstreamSources, ...settings };
    await this.rest("POST", `/${ORGANIZATION}/_apis/packaging/feeds?api-version=7.1`, { body, status: 201 });
    return new Feed(this, name, protocol);
  }

  /** Calls the REST surface as the administrator (or with `token`), and asserts the status. */
  async rest(method, path, { body, token = this.admin, status = 200 } = {}) {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const options = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
    const response = await fetch(this.url + path, options);
    const text = await response.text();
    const accepted = [status].flat();
    assert.ok(accepted.includes(response.status), `${method} ${path} -> ${response.status}: ${text.slice(0, 800)}`);
    return text ? JSON.parse(text) : undefined;
  }
}

class Feed {
  #tokens = new Map();
  #workspaces = [];

  constructor(edgefeed, name, protocol) {
    this.edgefeed = edgefeed;
    this.name = name;
    this.protocol = protocol;
  }

  /** The root of the feed's protocol, of a view if one is named: for npm the registry's URL. */
  registry(view) {
    return `${this.edgefeed.url}/${ORGANIZATION}/_packaging/${this.name}${view ? `@${view}` : ""}/${ROOTS[this.protocol]}`;
  }

  /** A token with this role here, made once. */
  async token(role) {
    if (!this.#tokens.has(role)) {
      const grants = [{ feed: this.name, role }];
      const body = { subject: `${role}-of-${this.name}`, scope: SCOPES[role], grants };
      const { token } = await this.edgefeed.rest("POST", `/${ORGANIZATION}/_edgefeed/tokens`, { body, status: 201 });
      this.#tokens.set(role, token);
    }
    return this.#tokens.get(role);
  }

  /** A project of `client` that uses this feed as `role`; gone with `dispose()`. */
  async workspace(client, role, { view, manifest } = {}) {
    const token = await this.#credential(role);
    return this.#keep(await Workspace.create(client, { registry: this.registry(view), token, manifest }));
  }

  /** A project of one of Python's clients that uses this feed as `role`. */
  async python(client, role, { view } = {}) {
    const root = this.registry(view);
    const about = { index: `${root}simple/`, upload: `${root}upload/`, token: await this.#credential(role) };
    return this.#keep(await PythonWorkspace.create(client, about));
  }

  /** A project of cargo that uses this feed as `role`; `index` is "index" or "authenticated-index". */
  async cargo(role, { view, index = "index", ...about } = {}) {
    const token = await this.#credential(role);
    return this.#keep(await CargoWorkspace.create({ index: `sparse+${this.registry(view)}${index}/`, token, ...about }));
  }

  /** A project of one of NuGet's clients that uses this feed as `role`. */
  async nuget(client, role, { view } = {}) {
    const source = this.registry(view) + client.root;
    return this.#keep(await NugetWorkspace.create(client, { source, token: await this.#credential(role) }));
  }

  /** A project of Maven that uses this feed as `role`. */
  async maven(role, { view, ...about } = {}) {
    const token = await this.#credential(role);
    return this.#keep(await MavenWorkspace.create({ url: this.registry(view), token, ...about }));
  }

  #keep(workspace) {
    this.#workspaces.push(workspace);
    return workspace;
  }

  async #credential(role) {
    return role === "anonymous" ? undefined : this.token(role);
  }

  /** Publishes a package of `manifest` (and files) with `client` as a contributor. */
  async publish(client, manifest, { files = {}, role = "contributor", args } = {}) {
    const whole = { private: undefined, description: `published ${manifest.name}`, ...manifest };
    const workspace = await this.workspace(client, role, { manifest: whole });
    const index = `module.exports = ${JSON.stringify(`here ${manifest.name}@${manifest.version}`)};\n`;
    for (const [path, content] of Object.entries({ "index.js": index, ...files })) await workspace.write(path, content);
    if (args) await workspace.must(args);
    else await workspace.publish();
    return workspace;
  }

  /** A plain HTTP request below the registry as `role`. */
  async fetch(path, { role = "collaborator", view, headers = {}, ...options } = {}) {
    const authorization = role === "anonymous" ? {} : { authorization: `Bearer ${await this.token(role)}` };
    return send(this.registry(view) + path, { redirect: "manual", ...options, headers: { ...authorization, ...headers } });
  }

  async json(path, options) {
    const response = await this.fetch(path, options);
    const text = await response.text();
    assert.equal(response.status, 200, `${path} -> ${response.status}: ${text.slice(0, 500)}`);
    return JSON.parse(text);
  }

  /** The feed's REST resource; `path` goes below it. */
  rest(method, path = "", options) {
    const [below, query] = path.split("?");
    const whole = `/${ORGANIZATION}/_apis/packaging/feeds/${this.name}${below}?api-version=7.1${query ? `&${query}` : ""}`;
    return this.edgefeed.rest(method, whole, options);
  }

  /** Where REST keeps a package; Maven's is `group:artifact`. */
  package(name) {
    if (this.protocol !== "maven") return `/${this.protocol}/packages/${name}`;
    const [group, artifact] = name.split(":");
    return `/maven/groups/${group}/artifacts/${artifact}`;
  }

  allowExternal(name, behavior = "AllowExternalVersions") {
    const body = { versionsFromExternalUpstreams: behavior };
    return this.rest("PATCH", `${this.package(name)}/upstreaming`, { body, status: [200, 202, 204] });
  }

  promote(name, version, view) {
    return this.patch(name, version, { views: { op: "add", path: "/views/-", value: view } });
  }

  /** Changes a version over REST, as an administrator does: `{ listed: false }`, `{ yanked: true }`, ... */
  patch(name, version, body) {
    return this.rest("PATCH", `${this.package(name)}/versions/${version}`, { body, status: [200, 202, 204] });
  }

  delete(name, version) {
    return this.rest("DELETE", `${this.package(name)}/versions/${version}`, { status: [200, 202, 204] });
  }

  /** What the feed says of its `index`-th upstream source: `{ status, statusDetails, ... }`. */
  async source(index = 0) {
    return (await this.rest("GET")).upstreamSources[index];
  }

  async dispose() {
    await Promise.all(this.#workspaces.map((workspace) => workspace.dispose()));
  }
}

/**
 * The local runtime closes connections that were idle for five seconds. A request that meets one as it is being closed is sent
 * again, once and if it only reads (RFC 9110, section 9.2.2), as browsers do and `fetch` here does not.
 */
async function send(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    const isClosed = ["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"].includes(error.cause?.code);
    if (isClosed && ["GET", "HEAD"].includes(options.method ?? "GET")) return fetch(url, options);
    throw error;
  }
}

function describeSource(source, protocol) {
  if (source instanceof Feed) {
    const location = `azure-feed://${ORGANIZATION}/${source.name}@Local`;
    return { name: source.name, protocol, location, upstreamSourceType: "internal" };
  }
  if (!source.packages && !source.requests) return source;
  const name = `stub-${source.port}`;
  return { name, protocol, location: source.location ?? source.url, upstreamSourceType: "public", freshnessSeconds: 0 };
}

/** The storage operations and upstream requests that an answer cost: `{ r2: 2, kv: 1, upstream: 0 }`. */
export function cost(response) {
  const entries = (response.headers.get("server-timing") ?? "").split(",").map((entry) => entry.trim());
  const counts = entries.map((entry) => /^(\w+)\s*;.*desc="?(\d+)"?/.exec(entry)).filter(Boolean);
  return { r2: 0, kv: 0, upstream: 0, ...Object.fromEntries(counts.map(([, name, count]) => [name, Number(count)])) };
}

/** Asserts an error in npm's own shape, and returns its text. */
export async function refusal(response, status, text) {
  const body = await response.text();
  assert.ok([status].flat().includes(response.status), `expected ${status}, got ${response.status}: ${body.slice(0, 500)}`);
  assert.match(response.headers.get("content-type") ?? "", /^application\/json/);
  const { error } = JSON.parse(body);
  assert.equal(typeof error, "string", `no npm error in ${body.slice(0, 500)}`);
  if (text) assert.match(error, text);
  return error;
}

/** Asserts a refusal in another protocol's own shape: PyPI's clients print the text, cargo `errors[].detail`. */
export async function refused(response, status, text) {
  const body = await response.text();
  assert.ok([status].flat().includes(response.status), `expected ${status}, got ${response.status}: ${body.slice(0, 500)}`);
  const type = response.headers.get("content-type") ?? "";
  const said = type.startsWith("application/json") ? JSON.parse(body).errors.map(({ detail }) => detail).join("; ") : body;
  assert.doesNotMatch(said, /<html/i);
  if (text) assert.match(said, text);
  return said;
}

/** Waits until `check` returns something truthy; a failed assertion in it ends the waiting at once. */
export async function until(check, { timeout = 20_000, what = "the condition" } = {}) {
  const end = Date.now() + timeout;
  for (;;) {
    let last;
    try {
      last = await check();
      if (last) return last;
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      last = error;
    }
    if (Date.now() > end) throw new Error(`${what} did not come true within ${timeout} ms`, { cause: last });
    await sleep(100);
  }
}
