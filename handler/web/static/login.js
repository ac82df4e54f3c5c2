// Who is here: the OAuth 2.0 code flow with PKCE (RFC 7636), at the login that /config.json names.
// Tokens live in this tab alone, and end with it.

const TOKENS = "tokens";
const FLOW = "login-flow";
const EARLY = 60_000; // milliseconds before its end that a token is renewed

const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const read = (name) => JSON.parse(sessionStorage.getItem(name) ?? "null");
const address = () => `${location.origin}/`;

/** @returns {Promise<object|null>} the session; null while the browser goes to the login */
export async function signIn() {
  const response = await fetch("/config.json", { cache: "no-store" });
  if (!response.ok) throw new Error("The page's configuration was not found. Load the page again in a moment.");
  const { login, customer_claim: claim } = await response.json();
  const query = new URLSearchParams(location.search);
  if (query.has("code") || query.has("error")) await returned(login, query);
  if (!read(TOKENS)) {
    await depart(login);
    return null;
  }
  return new Session(login, claim);
}

/** Off to the login, with a secret that only this tab can answer for. */
async function depart(login) {
  const flow = { state: random(), verifier: random(), hash: location.hash };
  sessionStorage.setItem(FLOW, JSON.stringify(flow));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(flow.verifier));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: login.client_id,
    redirect_uri: address(),
    scope: "openid email",
    state: flow.state,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
  });
  location.assign(`${login.authorize_url}?${query}`);
}

async function returned(login, query) {
  const flow = read(FLOW);
  sessionStorage.removeItem(FLOW);
  history.replaceState(null, "", `/${flow?.hash ?? ""}`);
  if (!flow || query.get("state") !== flow.state) return; // not of this tab: begin anew
  if (query.has("error")) throw new Error(`The login said: ${query.get("error_description") ?? query.get("error")}.`);
  await ask(login, { grant_type: "authorization_code", code: query.get("code"), redirect_uri: address(), code_verifier: flow.verifier });
}

async function ask(login, fields) {
  const body = new URLSearchParams({ ...fields, client_id: login.client_id });
  const response = await fetch(login.token_url, { method: "POST", body });
  if (!response.ok) throw new Error("The login was not completed. Load the page to try again.");
  const answer = await response.json();
  const tokens = {
    // Whose images are whose stands in the ID token: Cognito's access tokens have no attributes
    token: answer.id_token ?? answer.access_token,
    refresh: answer.refresh_token ?? fields.refresh_token,
    until: Date.now() + answer.expires_in * 1000,
  };
  sessionStorage.setItem(TOKENS, JSON.stringify(tokens));
}

class Session {
  #renewing;

  constructor(login, claim) {
    this.login = login;
    this.customer = claims(read(TOKENS).token)[claim] ?? "";
  }

  /** What every question to the API says; renews the token before its end. */
  async headers() {
    const tokens = read(TOKENS);
    if (!tokens || (tokens.until - EARLY < Date.now() && !(await this.#renewed(tokens)))) {
      this.expired();
      throw new Error("The login has ended. One moment.");
    }
    return { authorization: `Bearer ${read(TOKENS).token}` };
  }

  async expired() {
    sessionStorage.removeItem(TOKENS);
    await depart(this.login);
  }

  leave() {
    sessionStorage.removeItem(TOKENS);
    const query = new URLSearchParams({ client_id: this.login.client_id, logout_uri: address() });
    location.assign(this.login.logout_url ? `${this.login.logout_url}?${query}` : "/");
  }

  async #renewed({ refresh }) {
    if (!refresh) return false;
    this.#renewing ??= ask(this.login, { grant_type: "refresh_token", refresh_token: refresh }).then(() => true, () => false);
    const done = await this.#renewing;
    this.#renewing = null;
    return done;
  }
}

/** What a token says, for showing only: the gateway is what verifies it. */
function claims(token) {
  try {
    const text = atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (sign) => sign.charCodeAt(0))));
  } catch {
    return {};
  }
}
