// Servers of others, each in a process of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Starts a server in `folder` and waits until `probe` answers with 200; what it prints goes into a file there. */
export async function serveProcess(name, [program, ...args], { folder, probe, env = {} }) {
  const log = join(folder, `${name}.log`);
  const output = openSync(log, "w");
  const options = { cwd: folder, stdio: ["ignore", output, output], env: { ...process.env, ...env } };
  const child = spawn(program, args, options);
  closeSync(output);
  const ended = once(child, "exit");
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill();
    await ended;
  };
  for (let tries = 0; tries < 600; tries += 1) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}: ${readFileSync(log, "utf8")}`);
    if (await fetch(probe).then((answer) => answer.ok, () => false)) return { stop };
    await sleep(100);
  }
  await stop();
  throw new Error(`${name} does not answer: ${readFileSync(log, "utf8")}`);
}

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
