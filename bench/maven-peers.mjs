// Whom Edgefeed is compared with for Maven: nginx as a caching proxy. Repository managers are not to be had from the
// registries that test machines reach; this does less than any of them, and serves files as fast as anything does.
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { output, succeeds } from "../tools/process.mjs";
import { cacheDir } from "../tools/toolchain.mjs";
import { freePort, serveProcess } from "./process.mjs";

const MACHINE = "/usr/sbin/nginx";
let found;

function program() {
  found ??= { path: look() };
  return found.path;
}

/** Why it cannot be compared with, or false. */
export function noNginx() {
  return program() ? false : "no nginx on this machine; Debian has it";
}

/** `nginx/1.22.1`, or undefined. */
export function nginxVersion() {
  return noNginx() ? undefined : output("sh", ["-c", `${program()} -v 2>&1`])?.match(/nginx\/([\d.]+)/)?.[1];
}

/** The machine's, else Debian's package, unpacked and not installed: an installed one would start to serve. */
function look() {
  if (existsSync(MACHINE)) return MACHINE;
  const folder = join(cacheDir, "nginx");
  const program = join(folder, "usr", "sbin", "nginx");
  if (!existsSync(program) && succeeds("apt-get", ["--version"])) unpack(folder);
  return existsSync(program) ? program : undefined;
}

function unpack(folder) {
  mkdirSync(cacheDir, { recursive: true });
  const temporary = mkdtempSync(join(cacheDir, "nginx-new-"));
  const commands = "apt-get download nginx && dpkg -x nginx_*.deb unpacked";
  if (succeeds("sh", ["-c", commands], { cwd: temporary })) renameSync(join(temporary, "unpacked"), folder);
  rmSync(temporary, { recursive: true, force: true });
}

/** A caching proxy of one upstream: `{ url, stop }`. What it knows stays fresh for the whole run. */
export async function startNginx(upstream, parent) {
  const folder = mkdtempSync(join(parent, "nginx-"));
  const port = await freePort();
  const config = join(folder, "nginx.conf");
  writeFileSync(config, configuration(upstream.url, port, folder));
  const url = `http://127.0.0.1:${port}/`;
  const command = [program(), "-p", folder, "-c", config, "-e", join(folder, "error.log")];
  const { stop } = await serveProcess("nginx", command, { folder, probe: `${url}-/ready` });
  return { url, stop };
}

function configuration(upstream, port, folder) {
  // Its workers would run as nobody otherwise, who may not write here.
  const user = process.getuid?.() === 0 ? "user root;\n" : "";
  const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `  ${name}_temp_path ${folder}/${name};`);
  return `${user}daemon off;
worker_processes 2;
pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
${folders.join("\n")}
  access_log off;
  sendfile on;
  proxy_cache_path ${folder}/cache keys_zone=all:10m max_size=4g inactive=1d use_temp_path=off;
  server {
    listen 127.0.0.1:${port};
    keepalive_requests 1000000;
    location = /-/ready { return 200 ready; }
    location / {
      proxy_pass ${upstream};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache all;
      proxy_cache_lock on;
      proxy_cache_valid 200 404 1d;
    }
  }
}
`;
}
