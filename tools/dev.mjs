// `make dev`: the Worker on this machine with state that stays, and everything a client needs to use it.
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { Remedy, runMain } from "./process.mjs";
import { provision, tokenNames } from "./provision.mjs";
import { startServer } from "./serve.mjs";
import { root } from "./toolchain.mjs";

const host = process.env.HOST || "localhost";
const port = Number(process.env.PORT || 8787);
const state = resolve(root, process.env.STATE || ".edgefeed");
const tokensFile = join(state, "tokens.env");
const keyFile = join(state, "credentials.key");

/** How each client is pointed at the feed, with the role a developer has. The token is read, never printed. */
const clients = [
  ["npm, pnpm, bun", (base, token) => `npm config set --location=project registry=${base}/npm/registry/ "${base.replace(/^http:/, "")}/npm/registry/:_authToken=${token}"`],
  ["yarn", (base, token) => `yarn config set unsafeHttpWhitelist --json '["localhost"]' && yarn config set npmRegistryServer ${base}/npm/registry/ && yarn config set npmAuthToken "${token}"`],
  ["pip, uv", (base, token) => `export PIP_INDEX_URL="${withToken(base, token)}/pypi/simple/" UV_DEFAULT_INDEX="${withToken(base, token)}/pypi/simple/"`],
  ["cargo", (base, token) => `mkdir -p .cargo && printf '[registries.edgefeed]\\nindex = "sparse+${base}/Cargo/index/"\\n[registry]\\nglobal-credential-providers = ["cargo:token"]\\n[source.crates-io]\\nreplace-with = "edgefeed"\\n' >> .cargo/config.toml && export CARGO_REGISTRIES_EDGEFEED_TOKEN="${token}"`],
  ["nuget, dotnet", (base, token) => `printf '${nugetConfig(base)}' "${token}" > nuget.config`],
  ["mvn", (base, token) => `mkdir -p .mvn && printf '${mavenSettings(base)}' "${token}" > .mvn/settings.xml && echo --settings=.mvn/settings.xml >> .mvn/maven.config`],
  ["curl", (base, token) => `curl -H "Authorization: Bearer ${token}" ${base}/upack/`],
];

/** What NuGet's clients look for in the folder of a project; the token stands in for `%s`. */
const nugetConfig = (base) =>
  `<configuration><packageSources><clear/><add key="edgefeed" value="${base}/nuget/v3/index.json" protocolVersion="3" allowInsecureConnections="true"/></packageSources>` +
  '<packageSourceCredentials><edgefeed><add key="Username" value="any"/><add key="ClearTextPassword" value="%s"/></edgefeed></packageSourceCredentials></configuration>';

/** Maven's settings with the feed in place of every repository; the token stands in for `%s`. */
const mavenSettings = (base) =>
  "<settings><servers><server><id>edgefeed</id><username>any</username><password>%s</password></server></servers>" +
  `<mirrors><mirror><id>edgefeed</id><mirrorOf>*</mirrorOf><url>${base}/maven/v1/</url></mirror></mirrors></settings>`;

/** An address with credentials in it, as Python's installers take them. */
const withToken = (base, token) => base.replace("://", `://edgefeed:${token}@`);

await runMain(async () => {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const tokens = readTokens();
  tokens.ROOT_TOKEN = process.env.ROOT_TOKEN || tokens.ROOT_TOKEN || randomBytes(32).toString("hex");
  writeTokens(tokens);

  const server = await startServer({ host, port, state, rootToken: tokens.ROOT_TOKEN, vars: variables(), onLog: showLog });
  stopOnSignal(server);
  try {
    await provision({ url: server.url, tokens, save: writeTokens });
  } catch (error) {
    await server.stop();
    throw new Remedy(`The state in ${state} could not be completed: ${error.message}. To start afresh, delete that folder.`);
  }
  printUsage(server.url);
});

function variables() {
  const given = ["HOST_FEEDS", "ALLOW_PRIVATE_UPSTREAMS", "CREDENTIALS_KEY_PREVIOUS"].filter((name) => process.env[name]);
  const passed = Object.fromEntries(given.map((name) => [name, process.env[name]]));
  return { LOG: process.env.LOG || "failures", CREDENTIALS_KEY: process.env.CREDENTIALS_KEY || credentialsKey(), ...passed };
}

/** What credentials of upstream sources are sealed with; made once, and lost with the state that it seals. */
function credentialsKey() {
  if (!existsSync(keyFile)) writeFileSync(keyFile, randomBytes(32).toString("hex"), { mode: 0o600 });
  return readFileSync(keyFile, "utf8").trim();
}

/** With LOG=all the Worker logs every request; otherwise those that failed. */
function showLog({ level, message }) {
  if (level !== "debug") console.error(message);
}

function readTokens() {
  if (!existsSync(tokensFile)) return {};
  const lines = readFileSync(tokensFile, "utf8").split("\n");
  return Object.fromEntries(lines.map((line) => line.split("=", 2)).filter(([name]) => tokenNames.includes(name)));
}

/** Readable by this user only, and never half written. */
function writeTokens(tokens) {
  const lines = tokenNames.filter((name) => tokens[name]).map((name) => `${name}=${tokens[name]}\n`);
  writeFileSync(`${tokensFile}.new`, lines.join(""), { mode: 0o600 });
  chmodSync(`${tokensFile}.new`, 0o600);
  renameSync(`${tokensFile}.new`, tokensFile);
}

/**
 * Ctrl-C, `kill` and a closed terminal: end the runtime's process, then this one, without an error. Miniflare's own
 * handlers leave at once, so that nobody reaps the runtime; ours replace them.
 */
function stopOnSignal(server) {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.removeAllListeners(signal);
    process.on(signal, () => server.stop().finally(() => process.exit(0)));
  }
}

function printUsage(url) {
  const base = `${url}/local/_packaging/main`;
  const token = `$(. '${tokensFile}' && echo $COLLABORATOR_TOKEN)`;
  console.log(`\nState and tokens: ${relative(process.cwd(), state) || "."} (one token per role in tokens.env)`);
  console.log("Run in the folder of your project, once:");
  for (const [name, line] of clients) console.log(`  ${name.padEnd(15)} ${line(base, token)}`);
  console.log(`\nEdgefeed ready on ${url}`);
}
