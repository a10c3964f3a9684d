// Python: a warm simple page as large as numpy's, and whole restores with uv and pip of a real application, against
// devpi-server and proxpi.
//
// The application's files come from the index this machine uses, behind a server on loopback; a quick run uses scripted ones.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { startEdgefeed } from "../tests/e2e/support/edgefeed.mjs";
import { pip26, PythonWorkspace, uv } from "../tests/e2e/support/python.mjs";
import { startPypiCutOff } from "../tests/upstream/cut-off-pypi.mjs";
import { startPypiUpstream } from "../tests/upstream/pypi.mjs";
import { root } from "../tools/toolchain.mjs";
import { interleave, must } from "./load.mjs";
import { source } from "./packages.mjs";
import { startBareWorker } from "./peers.mjs";
import { startDevpi, startProxpi } from "./python-peers.mjs";
import { kilobytes } from "./report.mjs";
import { racing } from "./throughput.mjs";

const PAGE = "bench-page";
const JSON_TYPE = "application/vnd.pypi.simple.v1+json";
const ASK = { accept: JSON_TYPE, "accept-encoding": "gzip" };

export async function pypi(bench) {
  await warmPage(bench);
  await restores(bench);
}

async function competitors({ scope, build, folder }, upstream) {
  const edgefeed = scope.keep(await startEdgefeed({ build }));
  const feed = await edgefeed.feed({ protocol: "pypi", sources: [source(upstream)] });
  const devpi = scope.keep(await startDevpi(upstream, folder));
  const proxpi = scope.keep(await startProxpi(upstream, folder));
  return { feed, devpi, proxpi };
}

async function warmPage(bench) {
  const { scope, scale, report } = bench;
  const nested = scope.nested();
  const upstream = nested.keep(await startPypiUpstream());
  upstream.packages.addHuge(PAGE, { megabytes: 1 });
  const { feed, devpi, proxpi } = await competitors({ ...bench, scope: nested }, upstream);
  const authorization = `Bearer ${await feed.token("collaborator")}`;
  const targets = {
    edgefeed: { url: `${feed.registry()}simple/${PAGE}/`, headers: { ...ASK, authorization } },
    "devpi-server": { url: `${devpi.index}${PAGE}/`, headers: ASK },
    proxpi: { url: `${proxpi.index}${PAGE}/`, headers: ASK },
  };
  const pages = await Promise.all(Object.values(targets).map(({ url, headers }) => must(url, { headers })));
  const [count, ...others] = pages.map(files);
  if (others.some((other) => other !== count)) throw new Error(`the pages differ: ${count} files, ${others.join(" and ")}`);
  const [{ body }] = pages;
  const bare = nested.keep(await startBareWorker({ listing: body, tarball: body }));
  targets["bare Worker"] = { url: `${bare.url}listing`, headers: ASK };
  const size = gunzipSync(body).length;
  const what = `warm simple page (${kilobytes(size)}, ${kilobytes(body.length)} compressed)`;
  await racing({ scale, report })(what, targets, { "devpi-server": 50, "bare Worker": 0.7 });
  await nested.close();
}

/** How many files a page lists. */
function files({ headers, body }) {
  const text = headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
  return JSON.parse(text).files.length;
}

async function restores(bench) {
  const { scope, scale, report } = bench;
  const { upstream, requirements, names } = await (scale.quick ? scripted(scope) : real(scope));
  const { feed, devpi, proxpi } = await competitors(bench, upstream);
  const ours = { index: `${feed.registry()}simple/`, token: await feed.token("collaborator") };
  const kinds = [
    { client: uv, args: ["pip", "sync", "--require-hashes", "requirements.txt"], rounds: scale.restores },
    { client: pip26, args: ["install", "--require-hashes", "--no-deps", "--no-compile", "-r", "requirements.txt"], rounds: Math.min(scale.restores, 2) },
  ];
  for (const [index, { client, args, rounds }] of kinds.entries()) {
    const workspace = async (about) => {
      const made = await PythonWorkspace.create(client, about);
      scope.defer(() => made.dispose());
      await made.write("requirements.txt", requirements);
      return () => restore(made, args, names);
    };
    const runs = { edgefeed: await workspace(ours), "devpi-server": await workspace(devpi), proxpi: await workspace(proxpi) };
    const direct = await workspace({ index: upstream.index });
    const what = `${client.name}: restore of ${names.length} distributions`;
    if (index === 0) {
      await direct(); // the index behind it may have caches of its own
      const straight = [await direct()];
      const cold = [await runs.edgefeed()];
      report.compare(`${what}, cold`, "s", cold, { name: "without a feed", figures: straight });
      for (const name of ["devpi-server", "proxpi"]) await runs[name]();
    }
    const { edgefeed, ...others } = await interleave(rounds, runs);
    for (const [name, figures] of Object.entries(others)) {
      report.compare(`${what}, warm`, "s", edgefeed, { name, figures }, { least: 1 });
    }
  }
}

/** Seconds for a restore with nothing in the client's caches. */
async function restore(workspace, args, names) {
  await workspace.clear();
  const began = performance.now();
  await workspace.must(args, { env: { UV_HTTP_RETRIES: "3", PIP_RETRIES: "3" } });
  const seconds = (performance.now() - began) / 1000;
  const installed = Object.keys(await workspace.allInstalled()).length;
  if (installed < Math.min(names.length, 150)) throw new Error(`${workspace.client.name} installed ${installed} of ${names.length}`);
  return seconds;
}

async function real(scope) {
  const upstream = scope.keep(await startPypiCutOff());
  const requirements = readFileSync(join(root, "tests/fixtures/pypi/app/requirements.txt"), "utf8");
  return { upstream, requirements, names: [...requirements.matchAll(/^([\w.-]+)==\S+ \\$/gm)].map(([, name]) => name) };
}

async function scripted(scope) {
  const upstream = scope.keep(await startPypiUpstream());
  const names = ["first-part", "second-part"];
  for (const name of names) upstream.packages.add({ name, versions: { "1.0": { kinds: ["wheel"] } } });
  const lines = names.map((name) => `${name}==1.0 --hash=sha256:${upstream.packages.archive(name, "1.0").sha256}\n`);
  return { upstream, names, requirements: lines.join("") };
}
