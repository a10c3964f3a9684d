#!/usr/bin/env node
// Publishes what is larger than a request may be: sends a body in parts, then the publishing request that refers to it.
//
//     node tools/large-publish.mjs <feed> <method> <path> <file> [<content type>]
//
// `feed` is the feed's address (`https://…/{organization}/_packaging/{feed}`), `file` holds the body that the protocol's client
// would send, `path` is where it would send it below the feed (`maven/v1/org/example/big/1.0/big-1.0.jar`), and the token
// comes from the environment (`EDGEFEED_TOKEN`). Without a dependency, so that it can be copied alone.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { argv, env, exit } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const ATTEMPTS = 6;

/** Publishes; `said` is told how far it came. */
export async function publishLarge({ feed, token, method, path, file, contentType, headers = {}, said = () => {} }) {
  const authorization = `Bearer ${token}`;
  const { size } = await stat(file);
  const body = JSON.stringify({ size, sha256: await sha256(file) });
  let upload = await ask(`${feed}/uploads`, { method: "POST", headers: { authorization, "content-type": "application/json" }, body });
  const handle = await open(file);
  try {
    while (upload.received < upload.parts) {
      const part = Buffer.alloc(Math.min(upload.partSize, size - upload.received * upload.partSize));
      await handle.read(part, 0, part.length, upload.received * upload.partSize);
      upload = await send(`${feed}/uploads/${upload.id}`, upload, part, authorization);
      said(upload);
    }
  } finally {
    await handle.close();
  }
  const type = contentType ? { "content-type": contentType } : {};
  return fetch(`${feed}/${path}`, { method, headers: { ...headers, ...type, authorization, "edgefeed-upload": upload.id } });
}

/** Sends the next part; after a failure it asks what is there, and goes on with that. */
async function send(url, upload, part, authorization) {
  const number = upload.received + 1;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask(`${url}?part=${number}`, { method: "PUT", headers: { authorization }, body: part });
    } catch (error) {
      if (attempt === ATTEMPTS || (error.status && error.status < 500)) throw error;
      await sleep(500 * 2 ** attempt);
      const now = await ask(url, { headers: { authorization } }).catch(() => upload);
      // The last part completes the upload: sent again, it says whether it did.
      if (now.received >= number && number < now.parts) return now;
    }
  }
}

async function ask(url, options) {
  const response = await fetch(url, options);
  if (response.ok) return response.json();
  throw Object.assign(new Error(`${options.method ?? "GET"} ${url} -> ${response.status}: ${await response.text()}`), { status: response.status });
}

async function sha256(file) {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(piece);
  return hash.digest("hex");
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  const [feed, method, path, file, contentType] = argv.slice(2);
  if (!file || !env.EDGEFEED_TOKEN) {
    console.error("usage: EDGEFEED_TOKEN=… node large-publish.mjs <feed> <method> <path> <file> [<content type>]");
    exit(2);
  }
  const said = ({ received, parts }) => console.error(`${received} of ${parts} parts`);
  const response = await publishLarge({ feed, token: env.EDGEFEED_TOKEN, method, path, file, contentType, said });
  console.error(`${response.status} ${await response.text()}`);
  exit(response.ok ? 0 : 1);
}
