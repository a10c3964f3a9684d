// Cargo: a warm index file as large as a popular crate's, and `cargo fetch` of a real application, against a caching
// proxy; and against a registry in a folder, which is what is left when there is no server at all.
//
// The application's crates come from the registry this machine uses, behind a server on loopback; a quick run uses
// scripted ones.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { CargoWorkspace, realLock } from "../tests/e2e/support/cargo.mjs";
import { startEdgefeed } from "../tests/e2e/support/edgefeed.mjs";
import { startCargoUpstream } from "../tests/upstream/cargo.mjs";
import { indexPath } from "../tests/upstream/cargo-packages.mjs";
import { startCargoCutOff } from "../tests/upstream/cut-off-cargo.mjs";
import { root } from "../tools/toolchain.mjs";
import { localRegistry, startCratesProxy } from "./cargo-peers.mjs";
import { interleave, must } from "./load.mjs";
import { source } from "./packages.mjs";
import { startBareWorker } from "./peers.mjs";
import { kilobytes } from "./report.mjs";
import { racing } from "./throughput.mjs";

const CRATE = "bench-crate";
const ASK = { accept: "text/plain", "accept-encoding": "gzip" };

export async function cargo(bench) {
  await warmIndexFile(bench);
  await fetches(bench);
}

async function warmIndexFile({ scale, scope, report, build, folder }) {
  const nested = scope.nested();
  const upstream = nested.keep(await startCargoUpstream());
  upstream.packages.add({ name: CRATE, versions: manyVersions(300) });
  const edgefeed = nested.keep(await startEdgefeed({ build }));
  const feed = await edgefeed.feed({ protocol: "cargo", sources: [source(upstream)] });
  const proxy = nested.keep(await startCratesProxy(upstream, folder));
  const authorization = await feed.token("collaborator");
  const targets = {
    edgefeed: { url: `${feed.registry()}index/${indexPath(CRATE)}`, headers: { ...ASK, authorization } },
    "crates-io-proxy": { url: `${proxy.index}${indexPath(CRATE)}`, headers: ASK },
  };
  const answers = await Promise.all(Object.values(targets).map(({ url, headers }) => must(url, { headers })));
  const [size, other] = answers.map(({ headers, body }) => (headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).length);
  if (Math.abs(size - other) > 2) throw new Error(`the index files differ: ${size} and ${other} bytes`);
  const [{ body }] = answers;
  const bare = nested.keep(await startBareWorker({ listing: body, tarball: body }));
  targets["bare Worker"] = { url: `${bare.url}listing`, headers: ASK };
  const what = `warm sparse index file (${kilobytes(size)}, ${kilobytes(body.length)} as sent)`;
  await racing({ scale, report })(what, targets, { "bare Worker": 0.7 });
  await nested.close();
}

function manyVersions(count) {
  const deps = Object.fromEntries(Array.from({ length: 6 }, (_, index) => [`${CRATE}-part-${index}`, `^1.${index}`]));
  const features = { default: ["std"], std: [], derive: [], unstable: [] };
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`1.${index >> 3}.${index & 7}`, { deps, features }]));
}

async function fetches({ scale, scope, report, build, folder }) {
  const { upstream, manifest, lock } = await (scale.quick ? scripted(scope) : real(scope));
  const count = lock.match(/^checksum = /gm).length;
  const edgefeed = scope.keep(await startEdgefeed({ build }));
  const feed = await edgefeed.feed({ protocol: "cargo", sources: [source(upstream)] });
  const proxy = scope.keep(await startCratesProxy(upstream, folder));
  const workspace = async (about) => {
    const made = await CargoWorkspace.create({ replace: true, ...about });
    scope.defer(() => made.dispose());
    await made.write("Cargo.toml", manifest);
    await made.write("Cargo.lock", lock);
    return () => fetchAll(made, count);
  };
  const runs = {
    edgefeed: await workspace({ index: `sparse+${feed.registry()}index/`, token: await feed.token("collaborator") }),
    "crates-io-proxy": await workspace({ index: `sparse+${proxy.index}` }),
  };
  const direct = await workspace({ index: `sparse+${upstream.url}` });
  const what = `cargo fetch of ${count} crates`;
  await direct(); // the registry behind it may have caches of its own
  const straight = [await direct()];
  const cold = [await runs.edgefeed()];
  report.compare(`${what}, cold`, "s", cold, { name: "without a feed", figures: straight });
  await runs["crates-io-proxy"]();
  const shelf = await localRegistry(upstream.url, lock, folder);
  const config = `[source.crates-io]\nreplace-with = "shelf"\n[source.shelf]\nlocal-registry = "${shelf}"\n`;
  runs["a folder without a server"] = await workspace({ index: `sparse+${upstream.url}`, replace: false, config });
  const { edgefeed: ours, ...others } = await interleave(scale.restores, runs);
  for (const [name, figures] of Object.entries(others)) {
    const budget = name === "crates-io-proxy" ? { least: 1 } : {};
    report.compare(`${what}, warm`, "s", ours, { name, figures }, budget);
  }
}

/** Seconds for a fetch into an empty cache; cargo checks every archive against the lock. */
async function fetchAll(workspace, count) {
  await workspace.clear();
  const began = performance.now();
  const { output } = await workspace.must(["fetch", "--locked", "--config", "net.retry=3"]);
  const seconds = (performance.now() - began) / 1000;
  const got = output.match(/^ +(?:Downloaded|Unpacking) /gm)?.length ?? 0;
  if (got !== count) throw new Error(`cargo fetched ${got} of ${count} crates`);
  return seconds;
}

async function real(scope) {
  const upstream = scope.keep(await startCargoCutOff());
  return { upstream, manifest: readFileSync(join(root, "tests/fixtures/cargo/app/Cargo.toml"), "utf8"), lock: realLock() };
}

async function scripted(scope) {
  const upstream = scope.keep(await startCargoUpstream());
  const dependencies = { "first-part": "1", "second-part": "1" };
  for (const name of Object.keys(dependencies)) upstream.packages.add({ name, versions: { "1.0.0": {} } });
  const made = await CargoWorkspace.create({ index: `sparse+${upstream.url}`, replace: true, manifest: { dependencies } });
  scope.defer(() => made.dispose());
  await made.must(["generate-lockfile"]);
  return { upstream, manifest: await made.read("Cargo.toml"), lock: await made.read("Cargo.lock") };
}
