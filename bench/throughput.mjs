// Warm listings and warm archives: requests per second against verdaccio, and against a Worker that only streams.
import { gunzipSync } from "node:zlib";
import { startEdgefeed } from "../tests/e2e/support/edgefeed.mjs";
import { startNpmUpstream } from "../tests/upstream/npm.mjs";
import { interleave, must, pour } from "./load.mjs";
import { addArchive, addLargeListing, archivePath, source } from "./packages.mjs";
import { startBareWorker, startVerdaccio } from "./peers.mjs";
import { kilobytes } from "./report.mjs";

const LISTING = "bench-listing";
const ARCHIVE = "bench-archive";

export async function throughput({ scale, scope, report, build, folder }) {
  const upstream = scope.keep(await startNpmUpstream());
  const documentSize = addLargeListing(upstream.packages, LISTING);
  const archiveSize = addArchive(upstream.packages, ARCHIVE, 55_000);

  const edgefeed = scope.keep(await startEdgefeed({ build }));
  const feed = await edgefeed.feed({ sources: [source(upstream)] });
  const verdaccio = scope.keep(await startVerdaccio(upstream.url, folder));
  const authorization = `Bearer ${await feed.token("collaborator")}`;

  const compressed = { "accept-encoding": "gzip" };
  const ours = (path) => ({ url: feed.registry() + path, headers: { ...compressed, authorization } });
  const theirs = (path) => ({ url: verdaccio.registry + path, headers: compressed });

  const listing = await sameListing(ours(LISTING), theirs(LISTING));
  const path = archivePath(ARCHIVE);
  const tarball = await sameArchive([ours(path), theirs(path)], upstream.packages.archive(ARCHIVE, "1.0.0"));
  const bare = scope.keep(await startBareWorker({ listing, tarball }));
  const least = (path) => ({ url: bare.url + path, headers: compressed });

  const race = racing({ scale, report });
  await race(
    `warm npm listing (${kilobytes(documentSize)}, ${kilobytes(listing.length)} compressed)`,
    { edgefeed: ours(LISTING), verdaccio: theirs(LISTING), "bare Worker": least("listing") },
    { verdaccio: 20, "bare Worker": 0.7 },
  );
  await race(
    `warm tarball (${kilobytes(archiveSize)})`,
    { edgefeed: ours(path), verdaccio: theirs(path), "bare Worker": least("tarball") },
    { verdaccio: 1, "bare Worker": 0.7 },
  );
}

/** A race between competitors, in rounds; Edgefeed is compared with each of the others, whose budget is a least ratio. */
export function racing({ scale, report }) {
  return async (what, targets, budgets) => {
    const measure = (target) => () => pour(target, scale);
    for (const target of Object.values(targets)) await pour(target, { ...scale, seconds: scale.seconds / 3 });
    const measures = Object.entries(targets).map(([name, target]) => [name, measure(target)]);
    const { edgefeed, ...others } = await interleave(scale.rounds, Object.fromEntries(measures));
    for (const [name, figures] of Object.entries(others)) {
      report.compare(what, "requests/s", edgefeed, { name, figures }, { more: true, least: budgets[name] });
    }
  };
}

/** The compressed document, once both sides list the same versions. */
async function sameListing(ours, theirs) {
  const [mine, other] = await Promise.all([ours, theirs].map(({ url, headers }) => must(url, { headers })));
  for (const { headers } of [mine, other]) {
    if (headers["content-encoding"] !== "gzip") throw new Error("a listing came uncompressed");
  }
  const versions = ({ body }) => Object.keys(JSON.parse(gunzipSync(body)).versions).sort().join();
  if (versions(mine) !== versions(other)) throw new Error("the listings differ");
  return mine.body;
}

async function sameArchive(targets, archive) {
  for (const { url, headers } of targets) {
    const { body } = await must(url, { headers });
    if (!body.equals(archive)) throw new Error(`${url} is not the archive`);
  }
  return archive;
}
