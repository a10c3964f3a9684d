// Maven: a warm listing, a warm jar, and the build of a real application, against nginx as a caching proxy, which does
// nothing else; a bare Worker; and no feed at all.
//
// The application's artifacts come from the repository this machine uses, behind a server on loopback; a quick run uses
// scripted ones.
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { startEdgefeed } from "../tests/e2e/support/edgefeed.mjs";
import { MavenWorkspace, missing, missingCompiler } from "../tests/e2e/support/maven.mjs";
import { startMavenCutOff } from "../tests/upstream/cut-off-maven.mjs";
import { artifactPath, metadataPath, startMavenUpstream } from "../tests/upstream/maven.mjs";
import { root } from "../tools/toolchain.mjs";
import { interleave, must } from "./load.mjs";
import { noNginx, startNginx } from "./maven-peers.mjs";
import { source } from "./packages.mjs";
import { startBareWorker } from "./peers.mjs";
import { kilobytes } from "./report.mjs";
import { racing } from "./throughput.mjs";

const NAME = "org.example.bench:bench";
const COMPRESSED = { "accept-encoding": "gzip" };

export async function maven(bench) {
  await warm(bench);
  await builds(bench);
}

async function warm({ scale, scope, report, build, folder }) {
  const nested = scope.nested();
  const upstream = nested.keep(await startMavenUpstream());
  const versions = Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`1.${index >> 4}.${index & 15}`, {}]));
  upstream.packages.add({ name: NAME, versions: { ...versions, "2.0": { ballast: 55_000 } } });
  const edgefeed = nested.keep(await startEdgefeed({ build }));
  const feed = await edgefeed.feed({ protocol: "maven", sources: [source(upstream)] });
  const headers = { ...COMPRESSED, authorization: `Bearer ${await feed.token("collaborator")}` };
  const [listingPath, jarPath] = [metadataPath(NAME).slice(1), artifactPath(NAME, "2.0").slice(1)];
  const ours = (path) => ({ url: feed.registry() + path, headers });
  const documents = await Promise.all([listingPath, jarPath].map((path) => must(ours(path).url, { headers })));
  const [{ body: listing, headers: sent }, { body: jar }] = documents;
  if (sent["content-encoding"] !== "gzip") throw new Error("a listing came uncompressed");
  if (!jar.equals(upstream.packages.archive(NAME, "2.0"))) throw new Error("this is not the jar");
  const bare = nested.keep(await startBareWorker({ listing, tarball: jar }));
  const least = (path) => ({ url: bare.url + path, headers: COMPRESSED });
  const nginx = noNginx() ? undefined : nested.keep(await startNginx(upstream, folder));
  const cached = (path) => nginx && { nginx: { url: nginx.url + path, headers: COMPRESSED } };
  const race = racing({ scale, report });
  const budgets = { "bare Worker": 0.7 };
  await race(`warm maven-metadata.xml (${kilobytes(listing.length)} compressed)`, { edgefeed: ours(listingPath), ...cached(listingPath), "bare Worker": least("listing") }, budgets);
  await race(`warm jar (${kilobytes(jar.length)})`, { edgefeed: ours(jarPath), ...cached(jarPath), "bare Worker": least("tarball") }, budgets);
  await nested.close();
}

async function builds({ scale, scope, report, build, folder }) {
  const skipped = scale.quick ? missing() : missingCompiler();
  if (skipped) return report.figure("mvn package", `not measured: ${skipped}`);
  const { upstream, make, what } = await (scale.quick ? scripted(scope) : real(scope));
  const edgefeed = scope.keep(await startEdgefeed({ build }));
  const feed = await edgefeed.feed({ protocol: "maven", sources: [source(upstream)] });
  const runs = {
    edgefeed: await make({ url: feed.registry(), token: await feed.token("collaborator"), preemptive: true }),
    ...(!noNginx() && { nginx: await make({ url: scope.keep(await startNginx(upstream, folder)).url }) }),
  };
  const direct = await make({ url: upstream.url });
  await direct(); // the repository behind it may have caches of its own
  const straight = [await direct()];
  report.compare(`${what}, cold`, "s", [await runs.edgefeed()], { name: "without a feed", figures: straight });
  await runs.nginx?.();
  const { edgefeed: ours, ...others } = await interleave(scale.restores, runs);
  for (const [name, figures] of Object.entries(others)) report.compare(`${what}, warm`, "s", ours, { name, figures }, { least: 1 });
}

/** Builds that begin with nothing but a project: `make` returns what measures one in seconds. */
async function real(scope) {
  const upstream = scope.keep(await startMavenCutOff());
  const make = async (about) => {
    const made = await MavenWorkspace.create({ ...about, seeded: false });
    scope.defer(() => made.dispose());
    await cp(join(root, "tests/fixtures/maven/app"), made.project, { recursive: true });
    return () => timed(made, "target", ["-Dmaven.test.skip", "clean", "package"]);
  };
  return { upstream, make, what: "mvn package of a web application" };
}

async function scripted(scope) {
  const upstream = scope.keep(await startMavenUpstream());
  upstream.packages.add({ name: NAME, versions: { "1.0": {} } });
  const make = async (about) => {
    const made = await MavenWorkspace.create(about);
    scope.defer(() => made.dispose());
    await made.module("", "app:app", "1.0", { deps: [`${NAME}:1.0`] });
    return () => timed(made, "libs", made.resolving());
  };
  return { upstream, make, what: "mvn dependency:copy-dependencies" };
}

/** Seconds for a run with an empty local repository. */
async function timed(workspace, result, args) {
  await workspace.clear(result);
  const began = performance.now();
  await workspace.must(args);
  const seconds = (performance.now() - began) / 1000;
  if (!workspace.exists(result)) throw new Error(`mvn left no ${result}`);
  return seconds;
}
