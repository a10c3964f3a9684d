// Whom Edgefeed is compared with for Python: devpi-server and proxpi, pinned in python/ and installed once per user.
import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { pythonEnvironment } from "../tools/python.mjs";
import { freePort, serveProcess } from "./process.mjs";

const environment = (name) => pythonEnvironment(join(import.meta.dirname, "python", `${name}.txt`));
const PASSWORD = "benchmark";
/** Else devpi wants the public index's list of all projects first, tens of megabytes, and knows nobody until it is there. */
const WITHOUT_LIST = { mirror_no_project_list: true };

/** devpi-server with a mirror of one upstream: `{ index, stop }`. What it knows stays fresh for the whole run. */
export async function startDevpi(upstream, folder) {
  const { folder: home, python } = environment("devpi");
  const state = join(mkdtempSync(join(folder, "devpi-")), "state");
  const init = [join(home, "bin", "devpi-init"), "--serverdir", state, "--no-root-pypi", "--root-passwd", PASSWORD];
  const { status, stderr } = spawnSync(python, init, { encoding: "utf8" });
  if (status !== 0) throw new Error(`devpi-init failed: ${stderr}`);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const command = [python, join(home, "bin", "devpi-server"), "--serverdir", state, "--host", "127.0.0.1", "--port", String(port), "--request-timeout", "60"];
  const { stop } = await serveProcess("devpi", command, { folder, probe: `${url}/+api` });
  try {
    await addMirror(url, upstream.index);
  } catch (error) {
    await stop();
    throw error;
  }
  return { index: `${url}/root/mirror/+simple/`, stop };
}

async function addMirror(url, upstream) {
  const headers = { "content-type": "application/json", accept: "application/json" };
  const login = { method: "POST", headers, body: JSON.stringify({ user: "root", password: PASSWORD }) };
  const { result } = await (await fetch(`${url}/+login`, login)).json();
  const credentials = Buffer.from(`root:${result.password}`).toString("base64");
  const body = JSON.stringify({ type: "mirror", mirror_url: upstream, mirror_cache_expiry: 3600, volatile: false, ...WITHOUT_LIST });
  const made = await fetch(`${url}/root/mirror`, { method: "PUT", headers: { ...headers, "x-devpi-auth": credentials }, body });
  if (!made.ok) throw new Error(`devpi: making the mirror answered ${made.status}: ${await made.text()}`);
}

/** proxpi behind gunicorn, as it documents itself: `{ index, stop }`. */
export async function startProxpi(upstream, folder) {
  const { folder: home, python } = environment("proxpi");
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const args = ["--workers", "1", "--threads", "16", "--bind", `127.0.0.1:${port}`, "--log-level", "error", "proxpi.server:app"];
  const env = {
    PROXPI_INDEX_URL: upstream.index,
    PROXPI_INDEX_TTL: "3600",
    PROXPI_CACHE_DIR: mkdtempSync(join(folder, "proxpi-")),
    PROXPI_DOWNLOAD_TIMEOUT: "120", // after the default of 0.9 s it sends clients to the upstream
  };
  const command = [python, join(home, "bin", "gunicorn"), ...args];
  const { stop } = await serveProcess("proxpi", command, { folder, probe: `${url}/health`, env });
  return { index: `${url}/index/`, stop };
}
