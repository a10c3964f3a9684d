// What production does and the local runtime does not: a front that takes no request of more than 100 MB.
import { once } from "node:events";
import http from "node:http";

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
