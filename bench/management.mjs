// What a call of the REST surface costs in a feed of ten, a thousand and fifty thousand packages: the same. The packages are put
// into the store directly, as publishing would leave them there.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cost, startEdgefeed } from "../tests/e2e/support/edgefeed.mjs";
import { root } from "../tools/toolchain.mjs";
import { median } from "./report.mjs";

/** Puts under way at once. */
const AT_ONCE = 32;

/** Every so many packages has a version in the recycle bin. */
const DELETED = 10;

const slot = JSON.parse(readFileSync(join(root, "tests/golden/slot.published.json"), "utf8"));
const sizes = { full: [10, 1_000, 50_000], quick: [10, 200] };

/** Each call with the most R2 operations it may take, whatever the feed holds. */
const calls = [
  { what: "page of 100 packages", path: (feed) => `${feed}/packages`, most: 106 },
  { what: "page far into the list ($skip)", path: (feed) => `${feed}/packages?$skip=5000&$top=20`, most: 32 },
  { what: "list filtered by part of a name", path: (feed) => `${feed}/packages?packageNameQuery=-00009`, most: 112 },
  { what: "package by its name", path: (feed) => `${feed}/packages?protocolType=npm&normalizedPackageName=package-00007`, most: 6 },
  { what: "package by its id", path: (feed, id) => `${feed}/packages/${id}`, most: 7 },
  { what: "its versions", path: (feed, id) => `${feed}/packages/${id}/versions`, most: 7 },
  { what: "downloads of ten packages", path: (feed) => `${feed}/packagemetricsbatch`, body: (ids) => ({ packageIds: ids }), most: 36 },
  { what: "recycle bin, page of 100", path: (feed) => `${feed}/RecycleBin/packages`, most: 106 },
  { what: "list of feeds", path: (feed) => feed.slice(0, feed.lastIndexOf("/")), most: 12 },
  {
    what: "search over all feeds, 25 results",
    path: (feed) => `${feed.split("/_apis/")[0]}/_apis/search/packagesearchresults`,
    body: () => ({ searchText: "package-0", $top: 25 }),
    most: 68,
  },
  { what: "page of 100 changes", path: (feed) => `${feed}/packagechanges?batchSize=100`, most: 6 },
  { what: "audit, page of 100", path: (feed) => `${feed}/audit`, most: 6 },
  { what: "what retention would remove, a page", path: (feed) => `${feed}/retentionpolicies/preview`, body: () => ({ countLimit: 1 }), most: 406 },
  {
    what: "a version deprecated anew",
    method: "PATCH",
    path: (feed) => `${feed}/npm/packages/package-00007/versions/2.0.0`,
    body: (ids, round) => ({ deprecateMessage: `round ${round}` }),
    most: 16,
  },
];

export async function management({ scope, report, scale, build }) {
  const figures = new Map(calls.map((call) => [call, []]));
  for (const size of scale.quick ? sizes.quick : sizes.full) {
    const edgefeed = scope.keep(await startEdgefeed({ build }));
    const feed = await edgefeed.feed({ name: "main" });
    const { id } = await feed.rest("GET");
    const ids = await seed(await edgefeed.server.r2(), id, size);
    for (const call of calls) figures.get(call).push({ size, ...(await measure(edgefeed, call, ids, scale.quick ? 2 : 9)) });
    await edgefeed.stop();
  }
  for (const [{ what, most }, rows] of figures) {
    const shown = rows.map(({ size, r2, milliseconds }) => `${size}: ${r2} R2, ${milliseconds.toFixed(1)} ms`).join("; ");
    report.figure(`management: ${what}, by packages in the feed`, shown, {
      budget: `<= ${most} R2`,
      passed: rows.every(({ r2, others }) => r2 <= most && others === 0),
      figures: rows.map(({ milliseconds }) => milliseconds),
    });
  }
}

/** Storage operations of a call whose token and feed are in memory, and its time. */
async function measure({ url, admin }, { path, body, method = "POST" }, ids, rounds) {
  const target = url + path("/local/_apis/packaging/feeds/main", ids[7 % ids.length]);
  const headers = { authorization: `Bearer ${admin}`, "content-type": "application/json" };
  const options = (round) => (body ? { method, headers, body: JSON.stringify(body(ids.slice(0, 10), round)) } : { headers });
  const times = [];
  let spent;
  for (let round = 0; round <= rounds; round += 1) {
    const begun = performance.now();
    const response = await fetch(target, options(round));
    const text = await response.text();
    if (!response.ok) throw new Error(`${target}: ${response.status} ${text.slice(0, 300)}`);
    if (round > 0) times.push(performance.now() - begun);
    spent = cost(response);
  }
  // Listing keys is billed as writing is, and counted with it.
  return { r2: spent.r2 + (spent.r2w ?? 0), others: spent.kv + spent.upstream, milliseconds: median(times) };
}

/** Puts packages of three versions each into a feed; answers the ids of the first. */
async function seed(bucket, feed, size) {
  const hourAgo = Date.now() - 3_600_000;
  const ids = [];
  let next = 0;
  const put = async () => {
    for (let index = next; index < size; index = next) {
      next += 1;
      const name = `package-${String(index).padStart(5, "0")}`;
      const place = `${feed}/npm/${name}`;
      const id = guid(place);
      if (index < 100) ids[index] = id;
      const deleted = index % DELETED === 0;
      if (isOpened(index)) {
        await bucket.put(`v1/pkg/${place}/index.json`, JSON.stringify(packageIndex(name, deleted)));
        await bucket.put(`v1/ids/${feed}/${id}`, JSON.stringify(place));
        const note = JSON.stringify({ action: "published", subject: "somebody", protocol: "npm", package: name, version: "2.0.0" });
        await bucket.put(`v1/log/${feed}/${hourAgo + index}-00000000`, note, { customMetadata: { note } });
      }
      if (index === 7) {
        const changed = packageIndex(name, deleted).slots.find(({ key }) => key === "2.0.0");
        await bucket.put(`v1/pkg/${place}/slots/2.0.0`, JSON.stringify(changed.slot));
      }
      await bucket.put(`v1/catalog/${place}`, "{}");
      if (deleted) await bucket.put(`v1/bin/${place}/1.0.0`, "{}");
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, put));
  return ids;
}

/** Of a package that no call here opens its name is enough, which is all that a call may come across. */
const isOpened = (index) => index < 1_000 || (index >= 5_000 && index < 5_100);

function packageIndex(name, deleted) {
  const slots = ["1.0.0", "1.1.0", "2.0.0"].map((version) => {
    const manifest = { ...slot.manifest, name, version };
    const state = deleted && version === "1.0.0" ? { name: "deleted", at: slot.added, by: "somebody" } : { name: "live" };
    return { key: version, slot: { ...slot, version, manifest, state } };
  });
  return { name, settings: {}, slots, sequence: 3 };
}

/** The GUID that follows from a text, as the store makes it. */
function guid(text) {
  const bytes = createHash("sha256").update(text).digest().subarray(0, 16);
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
