// The uploads of this visit, and what became of each. Knows no element of the page: queue-view.js shows it.

import { breath } from "./dom.js";
import { Upload } from "./queued.js";
import { Refused, Stopped } from "./send.js";

const TURN = 8; // milliseconds of taking files in without giving the browser its turn

export class Queue {
  uploads = [];
  /** What changed since the view looked last. */
  touched = new Set();
  onchange = () => {};
  /** How many lots of files are being taken in: their count still grows. */
  taking = 0;
  #byUpload = new Map();
  #waiting = [];
  #sending = 0;

  /**
   * @param {(upload: Upload, progress: (sent: number) => void) => Promise<void>} send brings one file into the store
   * @param {number} slots how many at once: more does not make a line wider
   */
  constructor(send, slots = 4) {
    this.send = send;
    this.slots = slots;
  }

  /**
   * A few at a time: a file's size is asked of the browser's other process, which has to look at the disk. The first
   * are on their way while the last are still taken in.
   */
  async add(files, pipeline) {
    this.taking += 1;
    try {
      let since = performance.now();
      for (const file of files) {
        if (performance.now() - since > TURN) {
          await breath();
          since = performance.now();
        }
        const upload = new Upload(file, pipeline);
        this.uploads.push(upload);
        this.#enter(upload);
      }
    } finally {
      this.taking -= 1;
      this.onchange();
    }
  }

  /** Once more: what was sent in parts goes on where it stopped. */
  retry(upload) {
    if (upload.state !== "stopped" && upload.state !== "refused") return;
    upload.controller = new AbortController();
    this.#enter(upload);
  }

  cancel(upload) {
    if (upload.ended || upload.state === "working") return;
    this.#become(upload, "cancelled");
    upload.controller.abort();
  }

  /** Forget what has ended; what is on its way stays. */
  clear() {
    this.uploads = this.uploads.filter((upload) => !upload.ended);
    this.onchange();
  }

  /** The gallery saw these: those that were sent from here have ended. */
  arrived(images) {
    for (const image of images) {
      const upload = this.#byUpload.get(image.upload);
      if (!upload || upload.ended) continue;
      upload.image = image;
      this.#byUpload.delete(image.upload);
      this.#become(upload, image.status === "processed" ? "done" : "failed");
    }
  }

  /** How many are with the functions, and how many are to be sent. */
  get working() {
    return this.#byUpload.size;
  }

  /** Some of those that are with the functions, by their ids. */
  awaited(count) {
    return [...this.#byUpload.keys()].slice(0, count);
  }

  /** Whose turn comes next. */
  get next() {
    return this.#waiting.filter((upload) => upload.state === "waiting");
  }

  /** Whether a file is on its way, by what `is` says of it. */
  isSending = (is) => this.uploads.some((upload) => !upload.ended && upload.state !== "stopped" && is(upload.file));

  get unsent() {
    return this.#waiting.length + this.#sending;
  }

  totals() {
    const totals = { count: 0, bytes: 0, sent: 0, arrived: 0, stopped: 0, failed: 0 };
    for (const upload of this.uploads) {
      if (upload.state === "cancelled") continue;
      totals.count += 1;
      totals.bytes += upload.size;
      totals.sent += upload.sent;
      totals.arrived += upload.state === "done" || upload.state === "failed";
      totals.stopped += upload.state === "stopped" || upload.state === "refused";
      totals.failed += upload.state === "failed";
    }
    return totals;
  }

  #enter(upload) {
    upload.words = "";
    this.#waiting.push(upload);
    this.#become(upload, "waiting");
    this.#next();
  }

  #next() {
    while (this.#sending < this.slots && this.#waiting.length) {
      const upload = this.#waiting.shift();
      if (upload.state === "waiting") this.#run(upload);
    }
  }

  async #run(upload) {
    this.#sending += 1;
    this.#become(upload, "sending");
    try {
      await this.send(upload, (sent) => {
        upload.sent = sent;
        this.#touch(upload);
      });
      upload.sent = upload.size;
      upload.workingSince = Date.now();
      this.#byUpload.set(upload.upload, upload);
      this.#become(upload, "working");
    } catch (error) {
      if (upload.state !== "cancelled" && !(error instanceof Stopped)) {
        upload.words = error.message;
        this.#become(upload, error instanceof Refused ? "refused" : "stopped");
      }
    } finally {
      this.#sending -= 1;
      this.#next();
      this.onchange();
    }
  }

  #become(upload, state) {
    upload.state = state;
    this.#touch(upload);
  }

  #touch(upload) {
    this.touched.add(upload);
    this.onchange();
  }
}
