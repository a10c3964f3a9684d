// The first organization, feed and tokens, made over HTTP as any administrator would.
const organization = "local";
const feed = "main";

/** What each token may do: its role on the feed, and the scope that limits the token itself. */
const roles = {
  OWNER_TOKEN: { subject: "owner", role: "administrator", scope: "manage" },
  CONTRIBUTOR_TOKEN: { subject: "contributor", role: "contributor", scope: "write" },
  COLLABORATOR_TOKEN: { subject: "collaborator", role: "collaborator", scope: "restore" },
  READER_TOKEN: { subject: "reader", role: "reader", scope: "read" },
};

/** The names of the tokens, in the order in which they are written down. */
export const tokenNames = ["ROOT_TOKEN", "ADMIN_TOKEN", ...Object.keys(roles)];

/**
 * Creates organization `local`, feed `main` with every stock public source, and one token per role: whatever of it
 * `tokens` does not hold yet. `save` is called after every step, so that an interrupted run can be continued: the
 * service tells a token once and never again.
 *
 * @param {object} options
 * @param {string} options.url where the server answers
 * @param {Record<string, string>} options.tokens must hold `ROOT_TOKEN`
 * @param {(tokens: Record<string, string>) => void} [options.save]
 * @returns {Promise<Record<string, string>>} the complete tokens
 */
export async function provision({ url, tokens, save = () => {} }) {
  const all = { ...tokens };
  const keep = (name, token) => {
    all[name] = token;
    save(all);
  };
  if (!all.ADMIN_TOKEN) keep("ADMIN_TOKEN", await createOrganization(url, all.ROOT_TOKEN));
  const missing = Object.entries(roles).filter(([name]) => !all[name]);
  if (missing.length > 0) await createFeed(url, all.ADMIN_TOKEN);
  for (const [name, { subject, role, scope }] of missing) {
    const grant = { subject, scope, grants: [{ feed, role }] };
    const { token } = await post(url, `/${organization}/_edgefeed/tokens`, all.ADMIN_TOKEN, grant);
    keep(name, token);
  }
  return all;
}

async function createOrganization(url, rootToken) {
  const created = await post(url, "/_edgefeed/organizations", rootToken, { name: organization, administrator: "admin" }, [409]);
  if (created) return created.administrator.token;
  throw new Error(`organization \`${organization}\` exists, but its administrator's token is lost`);
}

/** A feed that is there already is what was wanted. */
async function createFeed(url, token) {
  const body = { name: feed, upstreamEnabled: true, includeCommonPublicSources: true };
  await post(url, `/${organization}/_apis/packaging/feeds?api-version=7.1`, token, body, [409]);
}

/** The answer's JSON; `undefined` for a status in `accepted`. */
async function post(url, path, token, body, accepted = []) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  if (response.ok) return JSON.parse(text);
  if (accepted.includes(response.status)) return undefined;
  throw new Error(`POST ${path} answered ${response.status}: ${text.slice(0, 500)}`);
}
