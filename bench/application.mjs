// A real application's lock file: all its listings at once, then whole restores with npm and pnpm.
//
// The upstream is the registry this machine uses, behind a server on loopback; a quick run uses scripted packages.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { startCutOff } from "../tests/upstream/cut-off.mjs";
import { startNpmUpstream } from "../tests/upstream/npm.mjs";
import { missing, npm12, pnpm10, pnpm12, Workspace } from "../tests/e2e/support/clients.mjs";
import { startEdgefeed } from "../tests/e2e/support/edgefeed.mjs";
import { root } from "../tools/toolchain.mjs";
import { fetchAll, interleave } from "./load.mjs";
import { addArchive, source } from "./packages.mjs";
import { startVerdaccio } from "./peers.mjs";

const ABBREVIATED = { accept: "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*", "accept-encoding": "gzip" };

/** What npm and pnpm do by default about an upstream's hiccup, but without their pause of ten seconds. */
const NPM_RETRIES = { npm_config_fetch_retries: "2", npm_config_fetch_retry_mintimeout: "100" };
const PNPM_RETRIES = JSON.stringify({ fetchRetries: 2, fetchRetryMintimeout: 100 });

export async function application({ scale, scope, report, build, folder }) {
  const { upstream, manifest, lock } = await (scale.quick ? scriptedApplication(scope) : realApplication(scope));
  const edgefeed = scope.keep(await startEdgefeed({ build }));
  const verdaccio = scope.keep(await startVerdaccio(upstream.url, folder));
  const bench = { scale, scope, report, upstream, edgefeed, verdaccio, manifest, lock };
  await allListings(bench);
  await restores(bench, npm12, { "package-lock.json": lock });
  const pnpm = missing(pnpm12) ? pnpm10 : pnpm12;
  await restores(bench, pnpm, {
    "pnpm-lock.yaml": await imported(bench, pnpm),
    "pnpm-workspace.yaml": PNPM_RETRIES, // JSON is YAML
  });
}

async function realApplication(scope) {
  const fixture = join(root, "tests", "fixtures", "npm", "app");
  const upstream = scope.keep(await startCutOff());
  const manifest = JSON.parse(await readFile(join(fixture, "package.json"), "utf8"));
  return { upstream, manifest, lock: await readFile(join(fixture, "package-lock.json"), "utf8") };
}

async function scriptedApplication(scope) {
  const upstream = scope.keep(await startNpmUpstream());
  const dependencies = { first: "^1.0.0", second: "^1.0.0" };
  for (const name of Object.keys(dependencies)) addArchive(upstream.packages, name, 5_000);
  const workspace = await Workspace.create(npm12, { registry: upstream.url, manifest: { dependencies } });
  scope.defer(() => workspace.dispose());
  await workspace.must(["install", "--package-lock-only", "--omit-lockfile-registry-resolved"]);
  return { upstream, manifest: { dependencies }, lock: await workspace.read("package-lock.json") };
}

/** Every name the lock file has, as an installer asks for it. */
async function allListings({ scale, report, upstream, edgefeed, verdaccio, lock }) {
  const names = [...new Set(Object.keys(JSON.parse(lock).packages).filter(Boolean).map((path) => path.split("node_modules/").at(-1)))];
  const urls = (registry) => names.map((name) => registry + name.replace("/", "%2f"));
  const feed = await edgefeed.feed({ sources: [source(upstream)] });
  const { connections } = scale;
  const ours = { connections, headers: { ...ABBREVIATED, authorization: `Bearer ${await feed.token("collaborator")}` } };
  const theirs = { connections, headers: ABBREVIATED };
  const direct = { connections, headers: ABBREVIATED };
  await fetchCold(urls(upstream.url), direct); // the registry behind it may have caches of its own
  const straight = [await fetchAll(urls(upstream.url), direct)];
  const cold = {
    edgefeed: await fetchCold(urls(feed.registry()), ours),
    verdaccio: await fetchCold(urls(verdaccio.registry), theirs),
  };
  await fetchAll(urls(verdaccio.registry), theirs);
  const figures = await interleave(scale.rounds, {
    edgefeed: () => fetchAll(urls(feed.registry()), ours),
    verdaccio: () => fetchAll(urls(verdaccio.registry), theirs),
  });
  const what = `all ${names.length} listings of an application`;
  report.compare(`${what}, cold`, "ms", [cold.edgefeed.milliseconds], { name: "verdaccio", figures: [cold.verdaccio.milliseconds] });
  report.compare(`${what}, cold`, "ms", [cold.edgefeed.milliseconds], { name: "without a feed", figures: straight });
  report.figure(`${what}, cold, answers other than 200 before it`, `${cold.edgefeed.repeated}`, {
    against: `verdaccio ${cold.verdaccio.repeated}`,
    budget: "0",
    passed: cold.edgefeed.repeated === 0,
  });
  report.compare(`${what}, warm`, "ms", figures.edgefeed, { name: "verdaccio", figures: figures.verdaccio }, { least: 3 });
}

/** The first time: what the upstream could not answer is asked again, as clients do, and counted. */
async function fetchCold(urls, options) {
  let repeated = 0;
  const onRetry = (error) => {
    repeated += 1;
    if (repeated === 1) console.error(`cold: ${error.message}`);
  };
  return { milliseconds: await fetchAll(urls, { ...options, retries: 2, onRetry }), repeated };
}

/** The lock file as this client writes it. */
async function imported({ scope, upstream, manifest, lock }, client) {
  const workspace = await Workspace.create(client, { registry: upstream.url, manifest });
  scope.defer(() => workspace.dispose());
  await workspace.write("package-lock.json", lock);
  await workspace.must(["import"]);
  return workspace.read(client.lock);
}

async function restores({ scale, scope, report, upstream, edgefeed, verdaccio, manifest, lock }, client, files) {
  const feed = await edgefeed.feed({ sources: [source(upstream)] });
  const workspace = async (registry, token) => {
    const made = await Workspace.create(client, { registry, token, manifest });
    scope.defer(() => made.dispose());
    for (const [path, text] of Object.entries(files)) await made.write(path, text);
    return made;
  };
  const ours = await workspace(feed.registry(), await feed.token("collaborator"));
  const theirs = await workspace(verdaccio.registry);
  const direct = await workspace(upstream.url);

  const cold = [await restore(ours, manifest)];
  await restore(theirs, manifest);
  const figures = await interleave(scale.restores, {
    edgefeed: () => restore(ours, manifest),
    verdaccio: () => restore(theirs, manifest),
    direct: () => restore(direct, manifest),
  });
  const count = Object.keys(JSON.parse(lock).packages).length - 1;
  const what = `${client.name}: restore of ${count} packages`;
  const straight = { name: "without a feed", figures: figures.direct };
  report.compare(`${what}, warm`, "s", figures.edgefeed, { name: "verdaccio", figures: figures.verdaccio }, { least: 1 });
  report.compare(`${what}, warm`, "s", figures.edgefeed, straight);
  report.compare(`${what}, cold`, "s", cold, straight);
}

/** Seconds for a restore with nothing in the client's caches. */
async function restore(workspace, { dependencies }) {
  await workspace.clear();
  const began = performance.now();
  await workspace.must([...workspace.client.verbs.restore, "--ignore-scripts"], { env: NPM_RETRIES });
  const seconds = (performance.now() - began) / 1000;
  for (const name of Object.keys(dependencies)) {
    if (!(await workspace.installed(name))) throw new Error(`${workspace.client.name} did not install ${name}`);
  }
  return seconds;
}
