// NuGet: a warm registration as large as a popular package's, a warm archive, and `nuget restore` of a project of some
// hundred packages; against a bare Worker, the gallery itself, and packages in a folder, which is what is left when there is
// no server at all.
//
// The packages are scripted: no public gallery is within everybody's reach. nuget.exe runs on Mono, which is slow itself.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startEdgefeed } from "../tests/e2e/support/edgefeed.mjs";
import { missing, nuget5, NugetWorkspace, resourcePath } from "../tests/e2e/support/nuget.mjs";
import { startNugetUpstream } from "../tests/upstream/nuget.mjs";
import { interleave, must } from "./load.mjs";
import { source } from "./packages.mjs";
import { startBareWorker } from "./peers.mjs";
import { kilobytes } from "./report.mjs";
import { racing } from "./throughput.mjs";

const LISTING = "Bench.Listing";
const ARCHIVE = "Bench.Archive";

export async function nuget(bench) {
  await warm(bench);
  await restores(bench);
}

async function warm({ scale, scope, report, build }) {
  const nested = scope.nested();
  const upstream = nested.keep(await startNugetUpstream());
  upstream.packages.add({ name: LISTING, versions: manyVersions(120) });
  upstream.packages.add({ name: ARCHIVE, versions: { "1.0.0": { ballast: 54_000 } } });
  const edgefeed = nested.keep(await startEdgefeed({ build }));
  const feed = await edgefeed.feed({ protocol: "nuget", sources: [{ ...source(upstream), location: upstream.index }] });
  const headers = { authorization: `Bearer ${await feed.token("collaborator")}`, "accept-encoding": "gzip" };
  const address = async (type, rest) => feed.registry() + (await resourcePath(feed, type, rest));
  const listing = { url: await address("RegistrationsBaseUrl/3.6.0", `${LISTING.toLowerCase()}/index.json`), headers };
  const archive = { url: await address("PackageBaseAddress/3.0.0", "bench.archive/1.0.0/bench.archive.1.0.0.nupkg"), headers };
  const documents = await Promise.all([listing, archive].map(({ url, ...options }) => must(url, options)));
  const [{ body: document, headers: sent }, { body: bytes }] = documents;
  if (sent["content-encoding"] !== "gzip") throw new Error("a registration came uncompressed");
  if (!bytes.equals(upstream.packages.archive(ARCHIVE, "1.0.0"))) throw new Error("this is not the archive");
  const bare = nested.keep(await startBareWorker({ listing: document, tarball: bytes }));
  const least = (path) => ({ url: bare.url + path, headers: { "accept-encoding": "gzip" } });
  const race = racing({ scale, report });
  await race(`warm registration (${kilobytes(document.length)} compressed)`, { edgefeed: listing, "bare Worker": least("listing") }, { "bare Worker": 0.7 });
  await race(`warm nupkg (${kilobytes(bytes.length)})`, { edgefeed: archive, "bare Worker": least("tarball") }, { "bare Worker": 0.7 });
  await nested.close();
}

function manyVersions(count) {
  const frameworks = [".NETFramework4.6.2", ".NETStandard2.0", "net8.0"];
  const needed = (index) => Object.fromEntries(Array.from({ length: 5 }, (_, part) => [`${LISTING}.Part${part}`, `[1.${index}.${part}, )`]));
  const deps = (index) => Object.fromEntries(frameworks.map((framework) => [framework, needed(index)]));
  const version = (index) => ({ deps: deps(index), tags: ["bench", "listing"], license: "MIT", description: `The description of ${index}, as long as such texts are` });
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`1.${index >> 3}.${index & 7}`, version(index)]));
}

async function restores({ scale, scope, report, build, folder }) {
  if (missing()) return report.figure("nuget restore", `not measured: ${missing()}`);
  const upstream = scope.keep(await startNugetUpstream());
  const wanted = Object.fromEntries(Array.from({ length: scale.quick ? 3 : 150 }, (_, index) => [`Restored.Part${index}`, "1.0.0"]));
  for (const name of Object.keys(wanted)) upstream.packages.add({ name, versions: { "1.0.0": { ballast: 20_000 + 997 * name.length } } });
  const edgefeed = scope.keep(await startEdgefeed({ build }));
  const feed = await edgefeed.feed({ protocol: "nuget", sources: [{ ...source(upstream), location: upstream.index }] });
  const shelf = await folderOf(upstream, Object.keys(wanted), folder);
  const workspace = async (about) => {
    const made = await NugetWorkspace.create(nuget5, about);
    scope.defer(() => made.dispose());
    return () => restore(made, wanted);
  };
  const runs = {
    edgefeed: await workspace({ source: `${feed.registry()}v3/index.json`, token: await feed.token("collaborator") }),
    "without a feed": await workspace({ source: upstream.index }),
    "a folder without a server": await workspace({ source: shelf }),
  };
  const what = `nuget restore of ${Object.keys(wanted).length} packages`;
  const straight = [await runs["without a feed"]()];
  report.compare(`${what}, cold`, "s", [await runs.edgefeed()], { name: "without a feed", figures: straight });
  const { edgefeed: ours, ...others } = await interleave(scale.restores, runs);
  for (const [name, figures] of Object.entries(others)) report.compare(`${what}, warm`, "s", ours, { name, figures });
}

/** Seconds for a restore with nothing in the client's caches. */
async function restore(workspace, wanted) {
  await workspace.clear();
  const began = performance.now();
  await workspace.restore(wanted);
  const seconds = (performance.now() - began) / 1000;
  const count = Object.keys(workspace.installed()).length;
  if (count !== Object.keys(wanted).length) throw new Error(`nuget restored ${count} packages`);
  return seconds;
}

/** Packages in a folder, which NuGet takes for a source. */
async function folderOf(upstream, names, folder) {
  const shelf = join(folder, "shelf");
  await mkdir(shelf);
  for (const name of names) await writeFile(join(shelf, `${name}.1.0.0.nupkg`), upstream.packages.archive(name, "1.0.0"));
  return shelf;
}
