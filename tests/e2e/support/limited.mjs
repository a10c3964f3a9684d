// What production does and the local runtime does not: a front that takes no request of more than 100 MB, and a Worker whose
// memory ends somewhere.
import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";

import { number, Reader, readSections } from "../../../tools/likeness.mjs";
import { buildDir } from "../../../tools/toolchain.mjs";

const MEMORY_SECTION = 5;

/** The most that a request to a Worker may have on most plans. */
export const BODY_LIMIT = 100_000_000;

/** Starts a front before the server at `target`; `largest` is the most that a request had so far. */
export async function startLimited(target) {
  const { hostname, port } = new URL(target);
  const front = { largest: 0 };
  const server = http.createServer((request, response) => {
    const length = Number(request.headers["content-length"] ?? 0);
    front.largest = Math.max(front.largest, length);
    if (length > BODY_LIMIT) return response.writeHead(413, { connection: "close" }).end("the platform takes no more than 100 MB\n");
    const { method, url: path, headers } = request;
    const onward = http.request({ hostname, port, method, path, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const stop = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return Object.assign(front, { url: `http://127.0.0.1:${server.address().port}`, stop });
}

/** The most memory that a Worker of ours may need: half of what the platform gives it. */
export const MEMORY_LIMIT = 64 << 20;

/** A copy of the build that cannot have more memory than that: an allocation beyond it ends the instance. */
export function limitedBuild(build = buildDir) {
  const limited = join(build, "limited");
  mkdirSync(limited, { recursive: true });
  copyFileSync(join(build, "index.js"), join(limited, "index.js"));
  writeFileSync(join(limited, "index_bg.wasm"), withMemoryLimit(readFileSync(join(build, "index_bg.wasm")), MEMORY_LIMIT));
  return limited;
}

/** The module with a maximum for its one memory, in pages of 64 KiB. */
function withMemoryLimit(module, limit) {
  const parts = [module.subarray(0, 8)];
  for (const { id, content, whole } of readSections(module)) {
    if (id !== MEMORY_SECTION) parts.push(whole);
    else {
      const reader = new Reader(content);
      assert.deepEqual([reader.number(), reader.number()], [1, 0], "one memory without a maximum");
      const limits = [1, 1, ...number(reader.number()), ...number(limit >> 16)];
      parts.push(Buffer.from([MEMORY_SECTION, ...number(limits.length), ...limits]));
    }
  }
  return Buffer.concat(parts);
}
