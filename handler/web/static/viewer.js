// One image in a dialog: comparison, route and reason, facts, and results.

import { byId, h, icon, nameLine, readable } from "./dom.js";
import { saved } from "./image.js";
import { stage } from "./compare.js";
import { bytes, date, dimensions, duration, failure, percent, plural } from "./text.js";

export class Viewer {
  /** The id of the requested image, and of the one on screen: they differ until the API answers. */
  #id = null;
  #shown = null;

  /** @param {{load, neighbours, remove, closed}} actions  `load(id)`: the image in full; `neighbours(id)`: [previous, next] */
  constructor(actions) {
    this.actions = actions;
    const dialog = (this.dialog = byId("viewer"));
    dialog.addEventListener("close", () => this.#closed());
    dialog.addEventListener("click", (event) => event.target === dialog && this.close());
    dialog.addEventListener("keydown", (event) => {
      if (event.target.matches("input, select") || event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key === "ArrowLeft") this.#go(0);
      if (event.key === "ArrowRight") this.#go(1);
    });
  }

  async show(id) {
    this.#id = id;
    const image = await this.actions.load(id);
    if (this.#id !== id) return;
    this.#shown = id;
    const label = this.dialog.contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
    this.dialog.replaceChildren(this.#header(image), stage(image), about(image), byId("toasts"));
    if (!this.dialog.open) this.dialog.showModal();
    else this.#refocus(label);
  }

  /** Focus the button with the same label as before, so that paging by keyboard can continue. */
  #refocus(label) {
    const buttons = [...this.dialog.querySelectorAll("header button:not(:disabled)")];
    (buttons.find((button) => button.getAttribute("aria-label") === label) ?? buttons.at(-1)).focus();
  }

  /** Close at once: the dialog's own event comes later, when another image may have been requested. */
  close() {
    this.#id = null; // also cancels a pending request
    this.dialog.close();
    this.#closed();
  }

  #closed() {
    const id = this.#shown;
    if (id === null) return;
    this.#shown = null;
    if (this.#id === id) this.#id = null;
    document.body.append(byId("toasts"));
    this.dialog.replaceChildren();
    this.actions.closed(id);
  }

  #go(direction) {
    const neighbour = this.actions.neighbours(this.#id)[direction];
    if (neighbour) location.replace(`#/image/${neighbour}`);
  }

  #header(image) {
    const [before, after] = this.actions.neighbours(image.image_id);
    const button = (label, drawing, onclick, disabled) =>
      h("button.round", { type: "button", "aria-label": label, disabled, onclick }, icon(drawing));
    return h(
      "header", {},
      h("h2", { id: "viewer-title" }, nameLine(image.name)),
      button("Previous picture", "left", () => this.#go(0), !before),
      button("Next picture", "right", () => this.#go(1), !after),
      button(`Delete ${readable(image.name)}`, "trash", () => this.actions.remove(image)),
      h("button.round", { type: "button", "aria-label": "Close", autofocus: true, onclick: () => this.close() }, icon("close")),
    );
  }
}

function about(image) {
  const failed = image.status === "failed";
  return h("div.about", { tabindex: "0", role: "region", "aria-label": "About this picture" },
    failed ? failureReason(image) : headline(image), routeAndReason(image, failed), facts(image), !failed && outputs(image));
}

function failureReason(image) {
  const [reason, advice] = failure(image.code);
  return h("div", {}, h("p.headline", {}, reason), h("p", {}, advice));
}

function headline(image) {
  const share = saved(image);
  const count = plural(image.renditions.length, "result");
  if (share === null) return h("div", {}, h("p.headline", {}, count));
  const less = share >= 0;
  return h("div", {},
    h("p.headline", {}, percent(Math.abs(share)), less ? " smaller" : " larger"),
    h("p", {}, `The largest result, compared with the original’s ${bytes(image.bytes)}. ${count} in total.`));
}

const ROUTES = { lambda: ["lambda", "Processed in Lambda"], batch: ["batch", "Processed in Batch"], local: ["lambda", "Processed locally"] };

function routeAndReason(image, failed) {
  const [drawing, label] = ROUTES[image.route] ?? ROUTES.local;
  return h("div.why", { class: failed ? "why failed" : "why" },
    h("strong", {}, icon(failed ? "alert" : drawing), failed ? h("span", {}, "Code ", h("code", {}, image.code)) : label),
    h("p", {}, readable(failed ? (image.message ?? "") : image.reason)));
}

function facts(image) {
  const rows = [
    ["Original", dimensions(image.width, image.height) && `${dimensions(image.width, image.height)} px`],
    ["Format", image.format?.toUpperCase()],
    ["Size", bytes(image.bytes)],
    ["Pipeline", image.pipeline],
    ["Received", date(image.received_at)],
    ["Finished", date(image.committed_at)],
    ["Processing time", image.seconds != null && duration(image.seconds)],
    ["ID", image.image_id],
  ];
  return h("dl", {}, rows.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function outputs(image) {
  const row = (rendition) =>
    h("li", {},
      h("div", {}, h("strong", {}, `${rendition.name} · ${rendition.format.toUpperCase()}`),
        h("span.quiet.figures", {}, dimensions(rendition.width, rendition.height))),
      h("span.figures", {}, bytes(rendition.bytes)),
      h("a.button", { href: rendition.download_url, download: true, "aria-label": `Download ${rendition.name} as ${rendition.format.toUpperCase()}` }, icon("download")));
  return h("section", {}, h("h3", {}, "Results"), h("ul.outputs", {}, image.renditions.map(row)));
}

