// The queue on the page. Drawn once a frame at most, and only the rows that changed, ten new ones a frame.

import { find, h, icon, nameLine } from "./dom.js";
import { bytes, duration, failure, percent, plural } from "./words.js";

const NEW_ROWS = 10;
const THUMBNAIL_BYTES = 12e6; // a thumbnail is decoded in whole: larger ones would take the memory of a phone
const SHOWN = /^image\/(jpeg|png|webp|avif|gif|bmp)$/;
const SLOW = 45_000;

export class QueueView {
  #rows = new Map();
  #drawing = false;
  #announced = "";
  #started = null;

  /** @param {(image: object) => void} open shows what came out */
  constructor(queue, open) {
    this.queue = queue;
    this.open = open;
    queue.onchange = () => this.#ask();
    find("cancel-all").addEventListener("click", () => queue.uploads.forEach((upload) => queue.cancel(upload)));
    find("retry-all").addEventListener("click", () => queue.uploads.forEach((upload) => queue.retry(upload)));
    find("clear-queue").addEventListener("click", () => queue.clear());
    this.visible = new IntersectionObserver((entries) => entries.forEach((entry) => this.#peep(entry)));
    setInterval(() => queue.working && queue.uploads.forEach((upload) => this.#late(upload)), 5000);
  }

  #ask() {
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
        if (made === NEW_ROWS) continue; // the next frame's
        made += 1;
        this.#make(upload);
      }
      queue.touched.delete(upload);
      this.#fill(upload);
    }
    const kept = new Set(queue.uploads);
    for (const [upload, row] of this.#rows) {
      if (kept.has(upload)) continue;
      this.visible.unobserve(row.element);
      row.element.remove();
      this.#rows.delete(upload);
    }
    this.#total();
    if (queue.touched.size) this.#ask();
  }

  #make(upload) {
    const thumb = h("span.thumb", {}, icon("pictures"));
    const progress = h("progress", { max: Math.max(1, upload.size), value: 0 });
    const state = h("span.state.figures");
    const buttons = h("span.buttons");
    const element = h("li.row", {}, thumb, h("div", {}, nameLine(upload.name), h("div.line", {}, progress, state)), buttons);
    progress.setAttribute("aria-label", "Sent");
    const row = { element, thumb, progress, state, buttons, upload, shown: "" };
    element.upload = upload;
    this.#rows.set(upload, row);
    find("queue-rows").append(element);
    this.visible.observe(element);
  }

  #fill(upload) {
    const row = this.#rows.get(upload);
    row.progress.value = upload.sent;
    row.state.textContent = words(upload);
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
    if (focused) (row.buttons.querySelector("button") ?? find("queue-rows")).focus();
  }

  #total() {
    const { queue } = this;
    const totals = queue.totals();
    const busy = queue.unsent > 0;
    find("queue").hidden = queue.uploads.length === 0;
    // Sending is the first nine tenths of the way, coming out the last.
    const ended = totals.arrived + totals.stopped;
    const share = totals.count ? 0.9 * (totals.bytes ? totals.sent / totals.bytes : 1) + 0.1 * (ended / totals.count) : 0;
    find("queue-progress").value = share;
    find("queue-title").textContent = busy || queue.working ? "On their way" : totals.stopped ? "Not all of them got through" : "All there";
    this.#started = busy ? (this.#started ?? { at: performance.now(), sent: totals.sent }) : null;
    const facts = [`${totals.arrived} of ${plural(totals.count, "picture")} out`];
    if (busy) facts.push(`${bytes(totals.sent)} of ${bytes(totals.bytes)} sent`, this.#left(totals));
    if (totals.failed) facts.push(`${totals.failed} failed`);
    if (totals.stopped) facts.push(`${totals.stopped} not sent`);
    find("queue-words").textContent = facts.filter(Boolean).join(" · ");
    find("cancel-all").hidden = !busy;
    find("retry-all").hidden = busy || !totals.stopped;
    find("clear-queue").hidden = !queue.uploads.some((upload) => upload.ended);
    // While files are taken in, their count grows many times a second: too often to be read out.
    const news = queue.taking ? "" : busy ? `Sending ${plural(totals.count, "picture")}` : queue.working ? "" : totals.count ? facts.join(", ") : "";
    if (news && news !== this.#announced) find("gallery-words").textContent = this.#announced = news;
  }

  #left(totals) {
    const seconds = (performance.now() - this.#started.at) / 1000;
    const done = totals.sent - this.#started.sent;
    return seconds > 3 && done > 0 ? `about ${duration(((totals.bytes - totals.sent) / done) * seconds)} left` : "";
  }

  /** A small picture of the file itself, only while its row is in sight. */
  #peep({ isIntersecting, target }) {
    const { upload } = target;
    const { thumb } = this.#rows.get(upload) ?? {};
    if (!isIntersecting || !thumb || thumb.querySelector("img") || !SHOWN.test(upload.file.type) || upload.size > THUMBNAIL_BYTES) return;
    const url = URL.createObjectURL(upload.file);
    const done = () => URL.revokeObjectURL(url);
    const image = h("img", { alt: "", decoding: "async", src: url, onload: () => (done(), thumb.replaceChildren(image)), onerror: done });
  }

  #late(upload) {
    if (upload.state === "working" && Date.now() - upload.workingSince > SLOW && this.#rows.has(upload)) this.#fill(upload);
  }
}

function words(upload) {
  switch (upload.state) {
    case "waiting": return `Waiting · ${bytes(upload.size)}`;
    case "sending": return upload.words || `${percent(upload.size ? upload.sent / upload.size : 0)} of ${bytes(upload.size)}`;
    case "working": return Date.now() - upload.workingSince > SLOW ? "Still being processed. Large pictures wait for a machine of their own" : "Being processed";
    case "done": return "Out";
    case "failed": return failure(upload.image.code)[0];
    case "cancelled": return "Cancelled";
    default: return upload.words;
  }
}
