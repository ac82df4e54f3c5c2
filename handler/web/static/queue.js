// The uploads of this visit and their states, without the DOM: queue-view.js shows them.

import { yieldToBrowser } from "./dom.js";
import { QueueItem } from "./queue-item.js";
import { RefusedByServer, CancelledByUser } from "./send.js";

const TURN = 8; // milliseconds of adding files before the browser may draw

export class Queue {
  uploads = [];
  /** Uploads that changed since the view was drawn. */
  touched = new Set();
  onchange = () => {};
  /** Calls of `add` that are running: the number of uploads still grows. */
  adding = 0;
  #byUpload = new Map();
  #waiting = [];
  #sending = 0;

  /**
   * @param {(upload: QueueItem, progress: (sent: number) => void) => Promise<void>} send uploads one file
   * @param {number} slots uploads at the same time: more do not use more bandwidth
   */
  constructor(send, slots = 4) {
    this.send = send;
    this.slots = slots;
  }

  /**
   * Add files, a few at a time: reading a file's size blocks on the disk. The first are sent while the last are added.
   */
  async add(files, pipeline) {
    this.adding += 1;
    try {
      let since = performance.now();
      for (const file of files) {
        if (performance.now() - since > TURN) {
          await yieldToBrowser();
          since = performance.now();
        }
        const upload = new QueueItem(file, pipeline);
        this.uploads.push(upload);
        this.#enqueue(upload);
      }
    } finally {
      this.adding -= 1;
      this.onchange();
    }
  }

  /** Send a stopped or refused upload again; an upload in parts continues where it stopped. */
  retry(upload) {
    if (upload.state !== "stopped" && upload.state !== "refused") return;
    upload.controller = new AbortController();
    this.#enqueue(upload);
  }

  cancel(upload) {
    if (upload.ended || upload.state === "working") return;
    this.#setState(upload, "cancelled");
    upload.controller.abort();
  }

  /** Remove ended uploads from the list. */
  clear() {
    this.uploads = this.uploads.filter((upload) => !upload.ended);
    this.onchange();
  }

  /** Mark the uploads of these finished images as ended. */
  markFinished(images) {
    for (const image of images) {
      const upload = this.#byUpload.get(image.upload);
      if (!upload || upload.ended) continue;
      upload.image = image;
      this.#byUpload.delete(image.upload);
      this.#setState(upload, image.status === "processed" ? "done" : "failed");
    }
  }

  /** The number of uploads that are being processed. */
  get working() {
    return this.#byUpload.size;
  }

  /** Ids of up to `count` uploads that are being processed. */
  awaited(count) {
    return [...this.#byUpload.keys()].slice(0, count);
  }

  /** The uploads that wait to be sent, in order. */
  get next() {
    return this.#waiting.filter((upload) => upload.state === "waiting");
  }

  /** Whether a file for which `matches` is true is being sent or processed. */
  isSending = (matches) => this.uploads.some((upload) => !upload.ended && upload.state !== "stopped" && matches(upload.file));

  /** The number of uploads that wait or are being sent. */
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

  #enqueue(upload) {
    upload.message = "";
    this.#waiting.push(upload);
    this.#setState(upload, "waiting");
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
    this.#setState(upload, "sending");
    try {
      await this.send(upload, (sent) => {
        upload.sent = sent;
        this.#touch(upload);
      });
      upload.sent = upload.size;
      upload.workingSince = Date.now();
      this.#byUpload.set(upload.upload, upload);
      this.#setState(upload, "working");
    } catch (error) {
      if (upload.state !== "cancelled" && !(error instanceof CancelledByUser)) {
        upload.message = error.message;
        this.#setState(upload, error instanceof RefusedByServer ? "refused" : "stopped");
      }
    } finally {
      this.#sending -= 1;
      this.#next();
      this.onchange();
    }
  }

  #setState(upload, state) {
    upload.state = state;
    this.#touch(upload);
  }

  #touch(upload) {
    this.touched.add(upload);
    this.onchange();
  }
}
