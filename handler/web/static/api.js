// Client of the web API (docs/reference/web-api.md). Its field names occur here, in upload.js and in multipart.js.

import { ConnectionLost, RefusedByServer } from "./send.js";

export class Problem extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || problem.message || `The server answered with status ${status}.`);
    this.status = status;
    this.code = problem.code;
  }
}

/** The request got no answer: the network or the server is down. */
export class Unreachable extends Error {
  constructor() {
    super("The server cannot be reached. Check your network connection.");
  }
}

const segment = encodeURIComponent;
const multipartPath = ({ pipeline, upload }) => `/api/multipart/${segment(pipeline)}/${segment(upload)}`;

export class Api {
  /** @param {{headers: () => Promise<object>, expired: () => void}} session login.js */
  constructor(session) {
    this.session = session;
  }

  pipelines = async () => (await this.#request("GET", "/api/pipelines")).body.pipelines;

  /** A page of images, the latest first; null if nothing has changed since `etag`. */
  async images(filters, etag) {
    const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value));
    const { status, body, etag: fresh } = await this.#request("GET", `/api/images?${query}`, { etag });
    return status === 304 ? null : { images: body.images, next: body.next, etag: fresh };
  }

  /** One image with all its details. */
  async image(id) {
    const { image, ...more } = (await this.#request("GET", `/api/images/${segment(id)}`)).body;
    return { ...image, ...more };
  }

  remove = (id) => this.#request("DELETE", `/api/images/${segment(id)}`, { keepalive: true });

  numbers = async (since) => (await this.#request("GET", `/api/numbers?since=${segment(since.toISOString())}`)).body;

  /** @param {{name: string, bytes: number, type: string}[]} files at most 100 */
  announce = async (pipeline, files) => (await this.#request("POST", "/api/uploads", { body: { pipeline, files } })).body;

  /** Uploads that have arrived and have no result yet. */
  waiting = async () => (await this.#request("GET", "/api/uploads")).body.uploads;

  begin = async (file) => (await this.#request("POST", "/api/multipart", { body: file })).body;

  unfinished = async () => (await this.#request("GET", "/api/multipart")).body.uploads;

  parts = async (upload) => (await this.#request("GET", multipartPath(upload))).body.parts;

  sign = async (upload, bytes, numbers) => (await this.#request("POST", `${multipartPath(upload)}/parts`, { body: { bytes, numbers } })).body.parts;

  complete = (upload, bytes) => this.#request("POST", `${multipartPath(upload)}/complete`, { body: { bytes } });

  abort = (upload) => this.#request("DELETE", multipartPath(upload), { keepalive: true });

  async #request(method, path, { body, etag, keepalive = false } = {}) {
    const headers = await this.session.headers();
    if (etag) headers["if-none-match"] = etag;
    if (body) headers["content-type"] = "application/json";
    let response;
    try {
      response = await fetch(path, { method, headers, body: body && JSON.stringify(body), keepalive, cache: "no-store" });
    } catch {
      throw new Unreachable();
    }
    const status = response.status;
    const empty = status === 304 || status === 204;
    const answer = empty ? null : await response.json().catch(() => ({}));
    if (response.ok || status === 304) return { status, body: answer, etag: response.headers.get("etag") };
    if (status === 401) this.session.expired();
    throw new Problem(status, answer);
  }
}

/** Call the API for an upload: turns errors into ConnectionLost, which is retried, or RefusedByServer, which is not. */
export async function withUploadErrors(call) {
  try {
    return await call();
  } catch (error) {
    if (error instanceof Unreachable || (error instanceof Problem && error.status >= 500)) throw new ConnectionLost(error.message);
    if (error instanceof Problem && error.status !== 401) throw new RefusedByServer(error.message);
    throw error;
  }
}
