// Uploads in parts that were begun: which file, and under which name the API knows it. A page that was closed cannot
// keep the file itself, so whoever comes back is asked to choose it again, and what is there already is not sent again.

import { find, h, icon, readable } from "./dom.js";
import { ago, bytes } from "./words.js";

const KEPT = "resumable";
const DAYS = 6; // the store forgets what is unfinished after a week

const fingerprint = ({ name, size, lastModified }) => JSON.stringify([name, size, lastModified]);

function read() {
  const oldest = Date.now() - DAYS * 86_400_000;
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "[]").filter(({ at }) => at > oldest);
  } catch {
    return [];
  }
}

const write = (records) => localStorage.setItem(KEPT, JSON.stringify(records));

export class Resumable {
  /** @param {{api, customer: string, isSending: (is: (file: File) => boolean) => boolean, take: (files: File[]) => void, say: (text: string) => void}} page */
  constructor(page) {
    this.page = page;
  }

  begunOf = (file) => this.#records().find(({ file: known }) => known === fingerprint(file))?.begun;

  remember(file, begun) {
    const record = { customer: this.page.customer, file: fingerprint(file), name: file.name, bytes: file.size, begun, at: Date.now() };
    write([...read().filter((other) => other.file !== record.file), record]);
  }

  forget(file) {
    write(read().filter((record) => record.file !== fingerprint(file)));
  }

  /** Offer what can go on: what was begun here, is not on its way now, and is known to the API still. */
  async show() {
    const place = find("resumable");
    const here = this.#records().filter(({ file }) => !this.page.isSending((one) => fingerprint(one) === file));
    const open = here.length ? new Set((await this.page.api.unfinished()).map(({ upload }) => upload)) : new Set();
    const records = here.filter(({ begun }) => open.has(begun.upload));
    place.hidden = !records.length;
    place.replaceChildren(...records.map((record) => this.#row(record)));
  }

  #records = () => read().filter(({ customer }) => customer === this.page.customer);

  #row(record) {
    const input = h("input", { type: "file", onchange: () => this.#chosen(record, input.files[0]) });
    const drop = async () => {
      write(read().filter(({ file }) => file !== record.file));
      await this.page.api.abort(record.begun).catch(() => {}); // the store forgets it by itself, too
      await this.show();
    };
    return h("p", {},
      h("span", {}, h("strong", {}, readable(record.name)), ` (${bytes(record.bytes)}) was interrupted ${ago(record.at)}. Choose the file again, and it goes on where it stopped.`),
      h("label.button", {}, icon("upload"), "Choose it", input),
      h("button", { type: "button", onclick: drop }, "Forget it"));
  }

  #chosen(record, file) {
    if (!file) return;
    if (fingerprint(file) === record.file) this.page.take([file]);
    else this.page.say(`That is another file than ${readable(record.name)}, or it was changed since.`);
  }
}
