// The Worker on this machine: Miniflare's library around the release build, for `make dev`, the tests and the benchmarks.
//
// Requests reach the Worker through a socket of the runtime itself rather than through the small Worker that Miniflare
// (and `wrangler dev`) puts in front, which costs a hop and re-compresses answers as Cloudflare's front does.
// `front: true` brings it back, for tests about that.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { Log, LogLevel, Miniflare } from "miniflare";
import { Remedy } from "./process.mjs";
import { buildDir, root } from "./toolchain.mjs";

/**
 * Serves the built Worker until `stop()`.
 *
 * @param {object} [options]
 * @param {number} [options.port] 0 (the default) takes a free one.
 * @param {string} [options.host] where to listen; the default, `localhost`, is every loopback address of the machine.
 * @param {string} [options.state] a folder that keeps KV, R2 and the cache; without it they live in memory.
 * @param {string} [options.rootToken] the secret `ROOT_TOKEN`.
 * @param {Record<string, string>} [options.vars] other variables and secrets: `HOST_FEEDS`, `ALLOW_PRIVATE_UPSTREAMS`, `CREDENTIALS_KEY`.
 * @param {object} [options.worker] more Miniflare options for the Worker (further bindings, `outboundService`, flags).
 * @param {object} [options.shared] more Miniflare options for the whole (`workers` is ours).
 * @param {string} [options.build] the folder of the build.
 * @param {boolean} [options.front] requests pass Miniflare's own front Worker.
 * @param {(line: {level: string, message: string}) => void} [options.onLog] every line the Worker logs; dropped without it.
 * @returns {Promise<Server>}
 *
 * @typedef {object} Server
 * @property {string} url without a slash at the end
 * @property {number} port
 * @property {Miniflare} miniflare
 * @property {() => Promise<void>} stop ends the runtime's process too; may be called twice
 * @property {() => Promise<R2Bucket>} r2 the bucket behind the Worker's binding `R2`
 * @property {() => Promise<KVNamespace>} kv the namespace behind `KV`
 * @property {(cron?: string) => Promise<unknown>} scheduled fires the cron trigger
 */
export async function startServer(options = {}) {
  const { host = "localhost", build = buildDir, front = false, state } = options;
  if (!existsSync(join(build, "index.js"))) throw new Remedy(`There is no Worker in ${build}: run \`make build\`.`);
  const port = options.port || (await tryPort(0, "127.0.0.1"));
  const address = await freeAddress(port, host);
  if (state) mkdirSync(state, { recursive: true, mode: 0o700 });

  const socket = front ? { host: address, port } : { host: "127.0.0.1", port: 0 };
  const miniflare = new Miniflare({
    ...socket,
    ...persistence(state),
    log: new Log(LogLevel.ERROR),
    handleStructuredLogs: options.onLog ?? (() => {}),
    ...options.shared,
    workers: [{ ...workerOptions(options, build), ...(front ? {} : { unsafeDirectSockets: [{ host: address, port }] }), ...options.worker }],
  });
  await miniflare.ready;

  let stopping;
  return {
    url: `http://${["0.0.0.0", "::", "*"].includes(host) ? "localhost" : host}:${port}`,
    port,
    miniflare,
    stop: () => (stopping ??= miniflare.dispose()),
    r2: () => miniflare.getR2Bucket("R2", "edgefeed"),
    kv: () => miniflare.getKVNamespace("KV", "edgefeed"),
    scheduled: async (cron) => (await miniflare.getWorker("edgefeed")).scheduled({ cron }),
  };
}

/** The address to bind, once nothing else listens there; else a remedy in one line. */
async function freeAddress(port, host) {
  let address = host;
  for (const candidate of host === "localhost" ? ["127.0.0.1", "::1"] : [host]) {
    try {
      await tryPort(port, candidate);
    } catch (error) {
      // Without IPv6 the runtime would fail on `localhost` if the hosts file names `::1`.
      if (candidate === "::1" && error.code !== "EADDRINUSE") address = "127.0.0.1";
      else throw new Remedy(`Port ${port} is ${error.code === "EADDRINUSE" ? "in use" : "refused"} (${error.code}): stop what listens there, or set PORT to another one.`);
    }
  }
  return address;
}

/** The Worker as `wrangler.toml` describes it. */
function workerOptions({ rootToken, vars, worker }, build) {
  const config = readFileSync(join(root, "wrangler.toml"), "utf8");
  return {
    name: "edgefeed",
    compatibilityDate: config.match(/^compatibility_date = "(.+)"$/m)[1],
    modulesRoot: resolve(build),
    modules: [module(build, "index.js", "ESModule"), module(build, "index_bg.wasm", "CompiledWasm")],
    kvNamespaces: ["KV"],
    r2Buckets: ["R2"],
    bindings: {
      HOST_FEEDS: "{}",
      ALLOW_PRIVATE_UPSTREAMS: "false",
      ...(rootToken && { ROOT_TOKEN: rootToken }),
      LOG: "failures", // a line of log costs more here than the request it is about
      ...vars,
      ...worker?.bindings,
    },
  };
}

const module = (build, name, type) => ({ type, path: join(resolve(build), name), contents: readFileSync(join(build, name)) });

/** One folder per store, so that each can be looked at or thrown away alone. */
function persistence(state) {
  if (!state) return {};
  const folder = (name) => join(resolve(state), name);
  return { kvPersist: folder("kv"), r2Persist: folder("r2"), cachePersist: folder("cache") };
}

/** Listens there for a moment, and says on which port that was (0 asks for any). */
function tryPort(port, host) {
  return new Promise((done, failed) => {
    const server = createServer().once("error", failed);
    server.listen({ port, host, exclusive: true }, () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}
