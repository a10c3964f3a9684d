// A folder in which one run of a client happens: a project, a home, caches of its own, and the client as a process. What
// the clients of one ecosystem have in common stands in clients.mjs, python.mjs and cargo.mjs.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const TIME_LIMIT = 300_000;

/** Subclasses say `command()`, the program with its first arguments, and `environment()`, what it needs beside the usual. */
export class Workspace {
  /** Makes the folders; `about` becomes the workspace's own. */
  static async open(about) {
    const root = await mkdtemp(join(tmpdir(), "edgefeed-e2e-"));
    const workspace = Object.assign(new this(), about, { root, project: join(root, "project"), home: join(root, "home") });
    await mkdir(workspace.project);
    await mkdir(workspace.home);
    return workspace;
  }

  command() {
    return this.client.command();
  }

  environment() {
    return this.client.environment?.(this.home);
  }

  async write(path, content) {
    const target = join(this.project, path);
    await mkdir(dirname(target), { recursive: true });
    const raw = typeof content === "string" || Buffer.isBuffer(content);
    await writeFile(target, raw ? content : `${JSON.stringify(content, null, 2)}\n`);
  }

  async read(path) {
    return readFile(join(this.project, path), "utf8");
  }

  exists(path) {
    return existsSync(join(this.project, path));
  }

  /** Forgets what was cached, and these paths of the project. */
  async clear(...paths) {
    for (const path of paths) await rm(join(this.project, path), { recursive: true, force: true });
    await rm(this.home, { recursive: true, force: true });
    await mkdir(this.home);
  }

  async dispose() {
    await rm(this.root, { recursive: true, force: true });
  }

  /** Runs the client; resolves to `{ code, stdout, stderr, output }` however it ends. */
  run(args, options) {
    return this.runProgram([...this.command(), ...args], options);
  }

  /** Runs any program where the client would run. */
  runProgram([program, ...args], { input, env = {}, cwd = this.project } = {}) {
    const options = { cwd, env: { ...this.#environment(), ...env }, stdio: ["pipe", "pipe", "pipe"] };
    return finish(spawn(program, args, options), args, input);
  }

  /** Runs the client and fails the test with its whole output unless it succeeds. */
  async must(args, options) {
    const result = await this.run(args, options);
    if (result.code !== 0) throw new Error(`${this.client.name} ${args.join(" ")} -> ${result.code}\n${result.output}`);
    return result;
  }

  /** Runs the client, expecting it to fail; a success is the test's failure. */
  async mustFail(args, options) {
    const result = await this.run(args, options);
    if (result.code === 0) throw new Error(`${this.client.name} ${args.join(" ")} succeeded\n${result.output}`);
    return result;
  }

  #environment() {
    const path = [dirname(process.execPath), "/usr/local/bin", "/usr/bin", "/bin"].join(":");
    const caches = { XDG_CACHE_HOME: join(this.home, ".cache"), XDG_CONFIG_HOME: join(this.home, ".config") };
    const data = { XDG_DATA_HOME: join(this.home, ".local/share"), XDG_STATE_HOME: join(this.home, ".local/state") };
    return { PATH: path, HOME: this.home, LANG: "C.UTF-8", ...caches, ...data, ...this.environment() };
  }
}

/**
 * Collects what a child prints; a child that outlives the limit is ended, and its result says so. `input` is a dialogue:
 * `[[/Username:/, "name"], ...]`, each answer given when its question has been asked.
 */
function finish(child, args, input = []) {
  return new Promise((done, fail) => {
    const out = [];
    const all = [];
    const errors = [];
    const questions = [...input];
    let heard = "";
    const hear = (pieces) => (piece) => {
      pieces.push(piece);
      all.push(piece);
      heard += piece;
      if (!questions.length || !questions[0][0].test(heard)) return;
      heard = "";
      child.stdin.write(`${questions.shift()[1]}\n`);
    };
    child.stdout.on("data", hear(out));
    child.stderr.on("data", hear(errors));
    child.stdin.on("error", () => {});
    if (input.length === 0) child.stdin.end();
    const limit = setTimeout(() => {
      all.push(Buffer.from(`\n(${args.join(" ")} ended after ${TIME_LIMIT} ms)`));
      child.kill("SIGKILL");
    }, TIME_LIMIT);
    child.on("error", fail);
    child.on("close", (code) => {
      clearTimeout(limit);
      const [stdout, stderr, whole] = [out, errors, all].map((pieces) => Buffer.concat(pieces).toString());
      // Bundled clients that crash print their own source, a megabyte on a line.
      const output = whole.replace(/^(.{500}).+$/gm, "$1 ...");
      done({ code: code ?? -1, stdout, stderr, output });
    });
  });
}
