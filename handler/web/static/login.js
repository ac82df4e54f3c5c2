// The login: OAuth 2.0 authorization code flow with PKCE (RFC 7636), at the provider that /config.json names.
// Tokens are kept in this tab's session storage only.

const TOKENS = "tokens";
const FLOW = "login-flow";
const RENEW_EARLY = 60_000; // milliseconds before a token expires

const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const read = (name) => JSON.parse(sessionStorage.getItem(name) ?? "null");
const redirectUri = () => `${location.origin}/`;

/** @returns {Promise<object|null>} the session; null if the browser is being redirected to the login */
export async function signIn() {
  const response = await fetch("/config.json", { cache: "no-store" });
  if (!response.ok) throw new Error("The page's configuration could not be loaded. Reload the page in a moment.");
  const { login, customer_claim: claim } = await response.json();
  const query = new URLSearchParams(location.search);
  if (query.has("code") || query.has("error")) await finishLogin(login, query);
  if (!read(TOKENS)) {
    await redirectToLogin(login);
    return null;
  }
  return new Session(login, claim);
}

/** Redirect to the login with a PKCE challenge whose verifier only this tab has. */
async function redirectToLogin(login) {
  const flow = { state: random(), verifier: random(), hash: location.hash };
  sessionStorage.setItem(FLOW, JSON.stringify(flow));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(flow.verifier));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: login.client_id,
    redirect_uri: redirectUri(),
    scope: "openid email",
    state: flow.state,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
  });
  location.assign(`${login.authorize_url}?${query}`);
}

async function finishLogin(login, query) {
  const flow = read(FLOW);
  sessionStorage.removeItem(FLOW);
  history.replaceState(null, "", `/${flow?.hash ?? ""}`);
  if (!flow || query.get("state") !== flow.state) return; // the answer to another tab's request: log in again
  if (query.has("error")) throw new Error(`The login failed: ${query.get("error_description") ?? query.get("error")}.`);
  await requestTokens(login, { grant_type: "authorization_code", code: query.get("code"), redirect_uri: redirectUri(), code_verifier: flow.verifier });
}

async function requestTokens(login, fields) {
  const body = new URLSearchParams({ ...fields, client_id: login.client_id });
  const response = await fetch(login.token_url, { method: "POST", body });
  if (!response.ok) throw new Error("The login could not be completed. Reload the page to try again.");
  const answer = await response.json();
  const tokens = {
    // The ID token names the customer: Cognito's access tokens have no attributes
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

  /** The headers of a request to the API; renews the token before it expires. */
  async headers() {
    const tokens = read(TOKENS);
    if (!tokens || (tokens.until - RENEW_EARLY < Date.now() && !(await this.#renew(tokens)))) {
      this.expired();
      throw new Error("Your session has expired. You are being redirected to the login.");
    }
    return { authorization: `Bearer ${read(TOKENS).token}` };
  }

  async expired() {
    sessionStorage.removeItem(TOKENS);
    await redirectToLogin(this.login);
  }

  signOut() {
    sessionStorage.removeItem(TOKENS);
    const query = new URLSearchParams({ client_id: this.login.client_id, logout_uri: redirectUri() });
    location.assign(this.login.logout_url ? `${this.login.logout_url}?${query}` : "/");
  }

  async #renew({ refresh }) {
    if (!refresh) return false;
    this.#renewing ??= requestTokens(this.login, { grant_type: "refresh_token", refresh_token: refresh }).then(() => true, () => false);
    const done = await this.#renewing;
    this.#renewing = null;
    return done;
  }
}

/** A token's claims, only to show them: the gateway verifies the token. */
function claims(token) {
  try {
    const text = atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (character) => character.charCodeAt(0))));
  } catch {
    return {};
  }
}
