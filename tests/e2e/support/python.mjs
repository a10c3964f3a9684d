// Python's clients under test: installers and publishers, each pinned by a lock in ../python, each run in a home, caches
// and an environment of its own. Credentials go the way each client's documentation recommends for scripts.

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { makeEnvironment, noPython, pythonEnvironment } from "../../../tools/python.mjs";
import { normalized } from "../../upstream/pypi-packages.mjs";
import { Workspace } from "./workspace.mjs";

const locks = resolve(import.meta.dirname, "../python");
const USER = "edgefeed";

/** A project with an environment in `.venv`, configured for one index. */
export class PythonWorkspace extends Workspace {
  /** `index` and `upload` end in a slash; `token` and `upload` may be left out. */
  static async create(client, { index, upload, token }) {
    const workspace = await PythonWorkspace.open({ client, index, upload, token });
    makeEnvironment(join(workspace.project, ".venv"));
    return workspace;
  }

  /** Points the project at another index or token, in the middle of its life. */
  configure(about) {
    Object.assign(this, about);
  }

  command() {
    return this.client.command(this);
  }

  environment() {
    const common = {
      PYTHONDONTWRITEBYTECODE: "1",
      PYTHON_KEYRING_BACKEND: "keyring.backends.null.Keyring",
      VIRTUAL_ENV: join(this.project, ".venv"),
      NO_COLOR: "1",
      COLUMNS: "400",
    };
    return { ...common, ...this.client.settings?.(this) };
  }

  /** The index with the credentials in it, as installers take it. */
  get indexWithToken() {
    return withToken(this.index, this.token);
  }

  install(...specs) {
    return this.must([...this.client.verbs.install, ...specs]);
  }

  /** The version in the environment, or undefined. */
  async installed(name) {
    return (await this.allInstalled())[normalized(name)];
  }

  /** `{ name: version }` of all that is in the environment. */
  async allInstalled() {
    const library = join(this.project, ".venv", "lib");
    const packages = join(library, readdirSync(library)[0], "site-packages");
    const folders = readdirSync(packages).filter((name) => name.endsWith(".dist-info"));
    return Object.fromEntries(folders.map((folder) => {
      const text = readFileSync(join(packages, folder, "METADATA"), "utf8");
      return [normalized(/^Name: (.+)$/m.exec(text)[1].trim()), /^Version: (.+)$/m.exec(text)[1].trim()];
    }));
  }

  /** What a piece of Python prints in the environment. */
  async python(code) {
    const { code: status, stdout, output } = await this.runProgram([join(this.project, ".venv/bin/python"), "-c", code]);
    if (status !== 0) throw new Error(output);
    return stdout.trim();
  }

  /** Forgets what was installed and cached; lock files stay. */
  async clear() {
    await super.clear(".venv");
    makeEnvironment(join(this.project, ".venv"));
  }
}

function withToken(address, token) {
  if (!token) return address;
  const url = new URL(address);
  url.username = USER;
  url.password = token;
  return url.href;
}

const lockOf = (name) => join(locks, `${name}.txt`);
const asModule = (lock, module) => () => [pythonEnvironment(lockOf(lock)).python, "-m", module];

function pip(lock) {
  return {
    name: lock,
    command: ({ project }) => [...asModule(lock, "pip")(), "--python", join(project, ".venv/bin/python")],
    settings: ({ indexWithToken }) => ({
      PIP_CONFIG_FILE: "/dev/null",
      PIP_INDEX_URL: indexWithToken,
      PIP_DISABLE_PIP_VERSION_CHECK: "1",
      PIP_NO_INPUT: "1",
      PIP_RETRIES: "0",
      PIP_PROGRESS_BAR: "off",
    }),
    verbs: { install: ["install"] },
  };
}

export const pip23 = pip("pip-23");
export const pip26 = pip("pip-26");

export const uv = {
  name: "uv",
  command: () => [join(pythonEnvironment(lockOf("uv")).folder, "bin", "uv")],
  settings: ({ indexWithToken, home, project }) => ({
    UV_DEFAULT_INDEX: indexWithToken,
    UV_CACHE_DIR: join(home, "uv-cache"),
    UV_NO_CONFIG: "1",
    UV_PYTHON: join(project, ".venv/bin/python"),
    UV_PYTHON_DOWNLOADS: "never",
    UV_HTTP_RETRIES: "0",
    UV_NO_PROGRESS: "1",
  }),
  verbs: { install: ["pip", "install"], publish: ["publish"] },
};

export const poetry = {
  name: "poetry",
  command: asModule("poetry", "poetry"),
  settings: ({ upload, token, home }) => ({
    POETRY_CACHE_DIR: join(home, "poetry-cache"),
    POETRY_VIRTUALENVS_IN_PROJECT: "true",
    POETRY_NO_INTERACTION: "1",
    POETRY_KEYRING_ENABLED: "false",
    POETRY_REQUESTS_MAX_RETRIES: "0",
    ...(upload && { POETRY_REPOSITORIES_FEED_URL: upload }),
    ...(token && { POETRY_HTTP_BASIC_FEED_USERNAME: USER, POETRY_HTTP_BASIC_FEED_PASSWORD: token }),
  }),
};

export const pdm = {
  name: "pdm",
  command: asModule("pdm", "pdm"),
  settings: ({ indexWithToken, home }) => ({
    PDM_CACHE_DIR: join(home, "pdm-cache"),
    PDM_PYPI_URL: indexWithToken,
    PDM_CHECK_UPDATE: "false",
    PDM_IGNORE_ACTIVE_VENV: "0",
  }),
};

export const twine = {
  name: "twine",
  command: asModule("twine", "twine"),
  settings: ({ upload, token }) => ({
    TWINE_REPOSITORY_URL: upload ?? "",
    TWINE_USERNAME: USER,
    TWINE_PASSWORD: token ?? "",
    TWINE_NON_INTERACTIVE: "1",
  }),
};

export const flit = {
  name: "flit",
  command: asModule("flit", "flit"),
  settings: ({ upload, token }) => ({ FLIT_INDEX_URL: upload ?? "", FLIT_USERNAME: USER, FLIT_PASSWORD: token ?? "" }),
};

export const hatch = {
  name: "hatch",
  command: asModule("hatch", "hatch"),
  settings: ({ upload, token }) => ({
    HATCH_INDEX_REPO: upload ?? "",
    HATCH_INDEX_USER: USER,
    HATCH_INDEX_AUTH: token ?? "",
    HATCH_INTERACTIVE: "0",
  }),
};

/** Why a client cannot run here (for the `skip` of its tests), or false. */
export function missing() {
  return noPython();
}

export const installers = [pip23, pip26, uv];
