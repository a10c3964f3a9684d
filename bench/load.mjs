// A small load generator: a fixed number of connections that stay open, every answer checked.
import http from "node:http";

/** One GET; `length` counts the bytes on the wire; `body` is there if asked for, and with every answer but 200. */
export function get(url, { headers = {}, agent, keep = false } = {}) {
  return new Promise((done, fail) => {
    const began = performance.now();
    const request = http.get(url, { agent, headers }, (response) => {
      const pieces = [];
      let length = 0;
      response.on("data", (piece) => {
        length += piece.length;
        if (keep || response.statusCode !== 200) pieces.push(piece);
      });
      response.on("error", fail);
      response.on("end", () => {
        const milliseconds = performance.now() - began;
        const { statusCode: status, headers } = response;
        done({ status, headers, length, milliseconds, body: Buffer.concat(pieces) });
      });
    });
    request.on("error", (error) => fail(new Error(`GET ${url}: ${error.message}`, { cause: error })));
  });
}

/** A GET that must be answered with 200. */
export async function must(url, options) {
  const answer = await get(url, { ...options, keep: true });
  if (answer.status !== 200) throw unexpected(url, answer);
  return answer;
}

function unexpected(url, { status, length, body }) {
  return new Error(`GET ${url} -> ${status}, ${length} bytes: ${body.toString().slice(0, 400)}`);
}

/** Requests per second of one URL; every answer must be 200 and as long as the first. */
export async function pour({ url, headers }, { connections, seconds }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  try {
    const { length } = await must(url, { headers, agent });
    const began = performance.now();
    const end = began + seconds * 1000;
    let count = 0;
    const connection = async () => {
      while (performance.now() < end) {
        const answer = await get(url, { headers, agent });
        if (answer.status !== 200 || answer.length !== length) throw unexpected(url, answer);
        count += 1;
      }
    };
    await Promise.all(Array.from({ length: connections }, connection));
    return count / ((performance.now() - began) / 1000);
  } finally {
    agent.destroy();
  }
}

/**
 * Milliseconds for all of these URLs. Every answer must be 200, after at most `retries` others for the same URL;
 * `onRetry` hears of those.
 */
export async function fetchAll(urls, { headers, connections, retries = 0, onRetry }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  try {
    const waiting = [...urls];
    const fetchOne = async (url) => {
      for (let left = retries; ; left -= 1) {
        const answer = await get(url, { headers, agent });
        if (answer.status === 200) return;
        if (left === 0) throw unexpected(url, answer);
        onRetry(unexpected(url, answer));
      }
    };
    const connection = async () => {
      for (let url = waiting.pop(); url; url = waiting.pop()) await fetchOne(url);
    };
    const began = performance.now();
    await Promise.all(Array.from({ length: connections }, connection));
    return performance.now() - began;
  } finally {
    agent.destroy();
  }
}

/**
 * Measures each competitor once per round, in turn, so that whatever else the machine does meets them all:
 * `{ edgefeed: [..], verdaccio: [..] }`.
 */
export async function interleave(rounds, competitors) {
  const figures = Object.fromEntries(Object.keys(competitors).map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, measure] of Object.entries(competitors)) figures[name].push(await measure());
  }
  return figures;
}
