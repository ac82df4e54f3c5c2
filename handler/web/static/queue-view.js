// The upload queue on the page. Draws at most once a frame, only changed rows, and at most ten new rows.

import { byId, h, icon, nameLine } from "./dom.js";
import { bytes, duration, failure, percent, plural } from "./text.js";

const NEW_ROWS = 10;
const THUMBNAIL_BYTES = 12e6; // files are decoded in full for a thumbnail: larger ones need too much of a phone's memory
const SHOWN = /^image\/(jpeg|png|webp|avif|gif|bmp)$/;
const SLOW = 45_000; // milliseconds of processing

export class QueueView {
  #rows = new Map();
  #drawing = false;
  #announced = "";
  #started = null;

  /** @param {(image: object) => void} open shows a finished image */
  constructor(queue, open) {
    this.queue = queue;
    this.open = open;
    queue.onchange = () => this.#scheduleDraw();
    byId("cancel-all").addEventListener("click", () => queue.uploads.forEach((upload) => queue.cancel(upload)));
    byId("retry-all").addEventListener("click", () => queue.uploads.forEach((upload) => queue.retry(upload)));
    byId("clear-queue").addEventListener("click", () => queue.clear());
    this.visible = new IntersectionObserver((entries) => entries.forEach((entry) => this.#showThumbnail(entry)));
    setInterval(() => queue.working && queue.uploads.forEach((upload) => this.#updateIfSlow(upload)), 5000);
  }

  #scheduleDraw() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#draw();
    });
  }

  #draw() {
    const { queue } = this;
    let made = 0;
    for (const upload of queue.touched) {
      if (!this.#rows.has(upload)) {
        if (made === NEW_ROWS) continue; // in the next frame
        made += 1;
        this.#addRow(upload);
      }
      queue.touched.delete(upload);
      this.#update(upload);
    }
    const kept = new Set(queue.uploads);
    for (const [upload, row] of this.#rows) {
      if (kept.has(upload)) continue;
      this.visible.unobserve(row.element);
      row.element.remove();
      this.#rows.delete(upload);
    }
    this.#updateTotals();
    if (queue.touched.size) this.#scheduleDraw();
  }

  #addRow(upload) {
    const thumb = h("span.thumb", {}, icon("pictures"));
    const progress = h("progress", { max: Math.max(1, upload.size), value: 0 });
    const state = h("span.state.figures");
    const buttons = h("span.buttons");
    const element = h("li.row", {}, thumb, h("div", {}, nameLine(upload.name), h("div.line", {}, progress, state)), buttons);
    progress.setAttribute("aria-label", "Upload progress");
    const row = { element, thumb, progress, state, buttons, upload, shown: "" };
    element.upload = upload;
    this.#rows.set(upload, row);
    byId("queue-rows").append(element);
    this.visible.observe(element);
  }

  #update(upload) {
    const row = this.#rows.get(upload);
    row.progress.value = upload.sent;
    row.state.textContent = stateText(upload);
    if (row.shown === upload.state) return;
    row.shown = row.element.dataset.state = upload.state;
    row.progress.hidden = upload.state !== "sending" && upload.state !== "waiting";
    const focused = row.buttons.contains(document.activeElement);
    const button = (name, drawing, action) =>
      h("button.round", { type: "button", "aria-label": `${name} ${upload.name.slice(0, 80)}`, onclick: action }, icon(drawing));
    row.buttons.replaceChildren(
      ...[
        (upload.state === "stopped" || upload.state === "refused") && button("Try again:", "retry", () => this.queue.retry(upload)),
        ["waiting", "sending", "stopped", "refused"].includes(upload.state) && button("Cancel", "close", () => this.queue.cancel(upload)),
        upload.image && button("Show", "right", () => this.open(upload.image)),
      ].filter(Boolean),
    );
    if (focused) (row.buttons.querySelector("button") ?? byId("queue-rows")).focus();
  }

  #updateTotals() {
    const { queue } = this;
    const totals = queue.totals();
    const busy = queue.unsent > 0;
    byId("queue").hidden = queue.uploads.length === 0;
    // Sending counts as 90 % of the progress, processing as 10 %.
    const ended = totals.arrived + totals.stopped;
    const share = totals.count ? 0.9 * (totals.bytes ? totals.sent / totals.bytes : 1) + 0.1 * (ended / totals.count) : 0;
    byId("queue-progress").value = share;
    byId("queue-title").textContent = busy || queue.working ? "Uploading and processing" : totals.stopped ? "Some uploads failed" : "All done";
    this.#started = busy ? (this.#started ?? { at: performance.now(), sent: totals.sent }) : null;
    const facts = [`${totals.arrived} of ${plural(totals.count, "picture")} finished`];
    if (busy) facts.push(`${bytes(totals.sent)} of ${bytes(totals.bytes)} sent`, this.#timeLeft(totals));
    if (totals.failed) facts.push(`${totals.failed} failed`);
    if (totals.stopped) facts.push(`${totals.stopped} not sent`);
    byId("queue-words").textContent = facts.filter(Boolean).join(" · ");
    byId("cancel-all").hidden = !busy;
    byId("retry-all").hidden = busy || !totals.stopped;
    byId("clear-queue").hidden = !queue.uploads.some((upload) => upload.ended);
    // While files are being added, their count changes too often to be read out.
    const news = queue.adding ? "" : busy ? `Sending ${plural(totals.count, "picture")}` : queue.working ? "" : totals.count ? facts.join(", ") : "";
    if (news && news !== this.#announced) byId("gallery-words").textContent = this.#announced = news;
  }

  #timeLeft(totals) {
    const seconds = (performance.now() - this.#started.at) / 1000;
    const done = totals.sent - this.#started.sent;
    return seconds > 3 && done > 0 ? `about ${duration(((totals.bytes - totals.sent) / done) * seconds)} left` : "";
  }

  /** Show a thumbnail of the file, once its row is visible. */
  #showThumbnail({ isIntersecting, target }) {
    const { upload } = target;
    const { thumb } = this.#rows.get(upload) ?? {};
    if (!isIntersecting || !thumb || thumb.querySelector("img") || !SHOWN.test(upload.file.type) || upload.size > THUMBNAIL_BYTES) return;
    const url = URL.createObjectURL(upload.file);
    const done = () => URL.revokeObjectURL(url);
    const image = h("img", { alt: "", decoding: "async", src: url, onload: () => (done(), thumb.replaceChildren(image)), onerror: done });
  }

  #updateIfSlow(upload) {
    if (upload.state === "working" && Date.now() - upload.workingSince > SLOW && this.#rows.has(upload)) this.#update(upload);
  }
}

function stateText(upload) {
  switch (upload.state) {
    case "waiting": return `Waiting · ${bytes(upload.size)}`;
    case "sending": return upload.message || `${percent(upload.size ? upload.sent / upload.size : 0)} of ${bytes(upload.size)}`;
    case "working": return Date.now() - upload.workingSince > SLOW ? "Still processing. Large pictures wait for a separate machine" : "Processing";
    case "done": return "Done";
    case "failed": return failure(upload.image.code)[0];
    case "cancelled": return "Cancelled";
    default: return upload.message;
  }
}
