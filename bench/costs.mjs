// What one request costs: storage operations when warm, upstream requests and time on the first fetch.
import http from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cost, startEdgefeed } from "../tests/e2e/support/edgefeed.mjs";
import { startServer } from "../tools/serve.mjs";
import { startNpmUpstream } from "../tests/upstream/npm.mjs";
import { must } from "./load.mjs";
import { addArchive, archivePath, source } from "./packages.mjs";
import { median, spread } from "./report.mjs";

const ABBREVIATED = { accept: "application/vnd.npm.install-v1+json", "accept-encoding": "gzip" };

export async function costs(bench) {
  const upstream = bench.scope.keep(await startNpmUpstream());
  await storageOperations(bench, upstream);
  await firstFetches(bench, upstream);
}

async function storageOperations({ scope, report, build, folder }, upstream) {
  for (const name of ["one", "two"]) addArchive(upstream.packages, name, 20_000);
  const options = { build, state: join(folder, "state"), vars: { ALLOW_PRIVATE_UPSTREAMS: "true" } };
  const before = scope.keep(await startEdgefeed(options));
  const feed = await before.feed({ sources: [source(upstream)] });
  const headers = { ...ABBREVIATED, authorization: `Bearer ${await feed.token("collaborator")}` };
  const ask = async (path) => cost(await must(feed.registry() + path, { headers }).then(asFetched));
  for (const name of ["one", "two"]) {
    for (const path of [name, archivePath(name), name, archivePath(name)]) {
      await ask(path);
      await sleep(300); // for what is done in the background after an answer
    }
  }
  await before.stop();

  // The same store under a new process: nothing is in memory. Same port, because links are part of a listing.
  scope.keep(await startServer({ ...options, port: before.server.port }));
  const show = (what, { r2, kv, upstream: asked, cache = 0 }, most) => {
    const shown = `${r2} R2, ${kv} KV${cache ? `, ${cache} edge cache` : ""}${asked ? `, ${asked} upstream` : ""}`;
    const budget = most ? `<= ${most.r2} R2, ${most.kv} KV` : "";
    report.figure(what, shown, { budget, passed: most && r2 <= most.r2 && kv <= most.kv && asked === 0 });
  };
  const listing = { r2: 1, kv: 1 };
  const download = { r2: 2, kv: 0 };
  show("storage operations: first request of an isolate (token and feed besides the listing)", await ask("one"));
  show("storage operations: listing, its package not in memory", await ask("two"), listing);
  show("storage operations: download, its package not in memory", await ask(archivePath("two")), download);
  show("storage operations: listing again within 2 s", await ask("two"), listing);
  show("storage operations: download again within 2 s", await ask(archivePath("two")), download);
  await sleep(2_200);
  show("storage operations: listing after 2 s", await ask("two"), listing);
  show("storage operations: download after 2 s", await ask(archivePath("two")), download);
}

async function firstFetches({ scope, report, scale, build }, upstream) {
  const names = [...Array(scale.packages + 1).keys()].map((index) => `first-${index}`);
  for (const name of names) addArchive(upstream.packages, name, 20_000);
  const edgefeed = scope.keep(await startEdgefeed({ build }));
  const agent = new http.Agent({ keepAlive: true });
  scope.defer(() => agent.destroy());

  const listings = await edgefeed.feed({ sources: [source(upstream)] });
  const archives = await edgefeed.feed({ sources: [source(upstream)] });
  const kinds = [
    { what: "first fetch: listing", feed: listings, path: (name) => name },
    { what: "first fetch: tarball, its listing known", feed: listings, path: archivePath },
    { what: "first fetch: tarball straight from a lock file", feed: archives, path: archivePath },
  ];
  for (const { what, feed, path } of kinds) {
    const headers = { ...ABBREVIATED, authorization: `Bearer ${await feed.token("collaborator")}` };
    const overhead = [];
    const asked = [];
    let operations;
    for (const [index, name] of names.entries()) {
      const direct = await must(upstream.url + path(name), { headers: ABBREVIATED, agent });
      upstream.forget();
      const through = await must(feed.registry() + path(name), { headers, agent });
      if (index === 0) continue; // opens connections, and brings token and feed into memory
      asked.push(upstream.count());
      overhead.push(through.milliseconds - direct.milliseconds);
      operations = cost(asFetched(through));
    }
    const most = Math.max(...asked);
    report.figure(`${what}, upstream requests`, String(most), { budget: "<= 2", passed: most <= 2, figures: asked });
    const { r2, r2w, kv, kvw, cache = 0 } = operations;
    report.figure(`${what}, storage operations`, `${r2} R2 reads, ${r2w} R2 writes, ${kv} KV reads, ${kvw} KV writes, ${cache} edge cache`);
    const options = { budget: "<= 30", passed: median(overhead) <= 30, figures: overhead };
    report.figure(`${what}, ms over asking the upstream directly (${overhead.length} packages)`, spread(overhead), options);
  }
}

/** An answer as `cost()` reads it. */
function asFetched({ headers }) {
  return { headers: new Headers(Object.entries(headers).map(([name, value]) => [name, String(value)])) };
}
