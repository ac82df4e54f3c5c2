// The API, as docs/reference/web-api.md has it. What knows the names of its fields is here, and in the two that send.

import { Dropped, Refused } from "./send.js";

export class Problem extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || problem.message || `The server answered ${status}.`);
    this.status = status;
    this.code = problem.code;
  }
}

/** Nobody answered: it may be the network. */
export class Unreachable extends Error {
  constructor() {
    super("The server was not reached. Is the network there? It is tried again by itself.");
  }
}

const segment = encodeURIComponent;
const parted = ({ pipeline, upload }) => `/api/multipart/${segment(pipeline)}/${segment(upload)}`;

export class Api {
  /** @param {{headers: () => Promise<object>, expired: () => void}} session login.js */
  constructor(session) {
    this.session = session;
  }

  pipelines = async () => (await this.#ask("GET", "/api/pipelines")).body.pipelines;

  /** A page of images, the latest first; null where nothing has changed since `etag`. */
  async images(filters, etag) {
    const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value));
    const { status, body, etag: fresh } = await this.#ask("GET", `/api/images?${query}`, { etag });
    return status === 304 ? null : { images: body.images, next: body.next, etag: fresh };
  }

  /** All that is known of one image, in one value. */
  async image(id) {
    const { image, ...more } = (await this.#ask("GET", `/api/images/${segment(id)}`)).body;
    return { ...image, ...more };
  }

  remove = (id) => this.#ask("DELETE", `/api/images/${segment(id)}`, { keepalive: true });

  numbers = async (since) => (await this.#ask("GET", `/api/numbers?since=${segment(since.toISOString())}`)).body;

  /** @param {{name: string, bytes: number, type: string}[]} files a hundred at most */
  announce = async (pipeline, files) => (await this.#ask("POST", "/api/uploads", { body: { pipeline, files } })).body;

  begin = async (file) => (await this.#ask("POST", "/api/multipart", { body: file })).body;

  unfinished = async () => (await this.#ask("GET", "/api/multipart")).body.uploads;

  parts = async (upload) => (await this.#ask("GET", parted(upload))).body.parts;

  sign = async (upload, bytes, numbers) => (await this.#ask("POST", `${parted(upload)}/parts`, { body: { bytes, numbers } })).body.parts;

  complete = (upload, bytes) => this.#ask("POST", `${parted(upload)}/complete`, { body: { bytes } });

  abort = (upload) => this.#ask("DELETE", parted(upload), { keepalive: true });

  async #ask(method, path, { body, etag, keepalive = false } = {}) {
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

/** What failed at the API, as the queue tells it apart: to be tried again by itself, or not. */
export async function asked(work) {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Unreachable || (error instanceof Problem && error.status >= 500)) throw new Dropped(error.message);
    if (error instanceof Problem && error.status !== 401) throw new Refused(error.message);
    throw error;
  }
}
