// The figures, their budgets, and the table for the README.
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { root } from "../tools/toolchain.mjs";
import { PROXY } from "./cargo-peers.mjs";
import { nginxVersion } from "./maven-peers.mjs";

export class Report {
  rows = [];
  failures = [];

  constructor(scale) {
    this.scale = scale;
    this.date = new Date().toISOString().slice(0, 10);
    this.load = [loadavg()[0]];
  }

  /**
   * One line: what was measured, our figures, whom they are compared with, and the budget. `against` is
   * `{ name, figures }`; `more` says whether larger figures are better (rates) or smaller ones (times).
   */
  compare(what, unit, figures, against, { budget, least, more = false } = {}) {
    const ours = median(figures);
    const ratio = more ? ours / median(against.figures) : median(against.figures) / ours;
    this.#add({
      what: `${what}, ${unit}`,
      edgefeed: spread(figures),
      against: `${against.name} ${spread(against.figures)}`,
      ratio: `${ratio.toFixed(2)}`,
      budget: budget ?? (least === undefined ? "" : `>= ${least}`),
      passed: least === undefined ? undefined : ratio >= least,
      figures: { edgefeed: figures, [against.name]: against.figures },
    });
  }

  /** One figure on its own. */
  figure(what, shown, { budget = "", passed, against = "", figures } = {}) {
    this.#add({ what, edgefeed: shown, against, ratio: "", budget, passed, figures });
  }

  failed(part, error) {
    this.failures.push({ part, error: String(error?.stack ?? error) });
  }

  #add(row) {
    this.rows.push(row);
    console.error(cells(row).filter(Boolean).join(" | "));
    this.load.push(loadavg()[0]);
  }

  markdown() {
    const titles = ["Measured", "Edgefeed", "Compared with", "Ratio", "Budget", ""];
    const lines = [titles, titles.map(() => "---"), ...this.rows.map(cells)].map((line) => `| ${line.join(" | ")} |`);
    const failures = this.failures.map(({ part, error }) => `\nFAILED: ${part}: ${error.split("\n")[0]}`);
    return [this.#caption(), "", ...lines, ...failures].join("\n");
  }

  #caption() {
    const { node, miniflare, ...others } = versions();
    const [{ model }] = cpus();
    const load = `load ${Math.min(...this.load).toFixed(1)} to ${Math.max(...this.load).toFixed(1)}`;
    const machine = `${cpus().length} cores (${model.trim()}, ${load})`;
    const how = this.scale.quick ? "Quick run: the figures mean nothing. " : "";
    const named = Object.entries(others).map(([name, version]) => `${name} ${version}`);
    const peers = `Node ${node}, Miniflare ${miniflare}, ${named.join(", ")}`;
    return `${how}${this.date}, ${machine}, ${peers}; medians, with the least and the greatest.`;
  }

  write(path) {
    const { date, rows, failures, scale } = this;
    const machine = { cores: cpus().length, model: cpus()[0].model, load: this.load };
    writeFileSync(path, `${JSON.stringify({ date, machine, versions: versions(), scale, rows, failures }, null, 2)}\n`);
  }
}

function cells({ what, edgefeed, against, ratio, budget, passed }) {
  return [what, edgefeed, against, ratio, budget, passed === undefined ? "" : passed ? "PASS" : "MISS"];
}

function versions() {
  const lock = (path, name) => JSON.parse(readFileSync(join(root, path), "utf8")).packages[`node_modules/${name}`].version;
  const pinned = (file, name) => new RegExp(`^${name}==(\\S+)`, "m").exec(readFileSync(join(root, "bench/python", `${file}.txt`), "utf8"))[1];
  return {
    node: process.versions.node,
    miniflare: lock("package-lock.json", "miniflare"),
    verdaccio: lock("bench/package-lock.json", "verdaccio"),
    "devpi-server": pinned("devpi", "devpi-server"),
    proxpi: pinned("proxpi", "proxpi"),
    [PROXY.crate]: PROXY.version,
    nginx: nginxVersion() ?? "absent",
  };
}

export function median(figures) {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** `1,250 (1,190 to 1,300)` */
export function spread(figures) {
  if (figures.length === 1) return number(figures[0]);
  return `${number(median(figures))} (${number(Math.min(...figures))} to ${number(Math.max(...figures))})`;
}

/** Three digits that count. */
export function number(value) {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en", { maximumFractionDigits: digits, minimumFractionDigits: 0 });
}

export const kilobytes = (bytes) => `${number(bytes / 1000)} KB`;
