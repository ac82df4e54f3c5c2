// Remembers unfinished uploads in parts: the file, and the API's id. A page cannot keep the file itself after it is
// closed, so the user chooses it again; parts that S3 has are not sent again.

import { byId, h, icon, readable } from "./dom.js";
import { ago, bytes } from "./text.js";

const STORAGE_KEY = "resumable";
const DAYS = 6; // S3 deletes unfinished uploads after a week

const fingerprint = ({ name, size, lastModified }) => JSON.stringify([name, size, lastModified]);

function read() {
  const oldest = Date.now() - DAYS * 86_400_000;
  try {
    return JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "[]").filter(({ at }) => at > oldest);
  } catch {
    return [];
  }
}

const write = (records) => localStorage.setItem(STORAGE_KEY, JSON.stringify(records));

export class Resumable {
  /** @param {{api, customer: string, isSending: (matches: (file: File) => boolean) => boolean, addFiles: (files: File[]) => void, notify: (text: string) => void}} page */
  constructor(page) {
    this.page = page;
  }

  startedUpload = (file) => this.#records().find(({ file: known }) => known === fingerprint(file))?.begun;

  remember(file, begun) {
    const record = { customer: this.page.customer, file: fingerprint(file), name: file.name, bytes: file.size, begun, at: Date.now() };
    write([...read().filter((other) => other.file !== record.file), record]);
  }

  forget(file) {
    write(read().filter((record) => record.file !== fingerprint(file)));
  }

  /** Offer to resume uploads that were started here, are not being sent now, and still exist in S3. */
  async show() {
    const container = byId("resumable");
    const here = this.#records().filter(({ file }) => !this.page.isSending((other) => fingerprint(other) === file));
    const open = here.length ? new Set((await this.page.api.unfinished()).map(({ upload }) => upload)) : new Set();
    const records = here.filter(({ begun }) => open.has(begun.upload));
    container.hidden = !records.length;
    container.replaceChildren(...records.map((record) => this.#row(record)));
  }

  #records = () => read().filter(({ customer }) => customer === this.page.customer);

  #row(record) {
    const input = h("input", { type: "file", onchange: () => this.#chosen(record, input.files[0]) });
    const discard = async () => {
      write(read().filter(({ file }) => file !== record.file));
      await this.page.api.abort(record.begun).catch(() => {}); // S3 deletes an unfinished upload after a week
      await this.show();
    };
    return h("p", {},
      h("span", {}, h("strong", {}, readable(record.name)), ` (${bytes(record.bytes)}) was interrupted ${ago(record.at)}. Choose the file again to continue the upload.`),
      h("label.button", {}, icon("upload"), "Choose file", input),
      h("button", { type: "button", onclick: discard }, "Discard"));
  }

  #chosen(record, file) {
    if (!file) return;
    if (fingerprint(file) === record.file) this.page.addFiles([file]);
    else this.page.notify(`This is not ${readable(record.name)}, or the file has changed since.`);
  }
}
