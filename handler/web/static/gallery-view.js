// The gallery on the page: cards, filters, and the message of an empty list.

import { yieldToBrowser, byId, h, icon, nameLine, readable } from "./dom.js";
import { isShown, saved } from "./image.js";
import { ago, bytes, date, dimensions, failure, percent, plural } from "./text.js";

const CARDS_PER_TURN = 8; // cards made before the browser may draw
const TYPING_PAUSE = 250; // milliseconds

export class GalleryView {
  #cards = new Map();
  #drawing = 0;

  /** @param {{remove: (image: object) => void, filter: (filters: object) => void, more: () => Promise<void>}} actions */
  constructor(actions) {
    this.actions = actions;
    let typing;
    byId("filter-text").addEventListener("input", (event) => {
      clearTimeout(typing);
      typing = setTimeout(() => actions.filter({ text: event.target.value.trim() }), TYPING_PAUSE);
    });
    for (const radio of document.getElementsByName("status")) {
      radio.addEventListener("change", () => actions.filter({ status: radio.value }));
    }
    byId("filter-format").addEventListener("change", (event) => actions.filter({ format: event.target.value }));
    byId("filter-time").addEventListener("change", (event) => {
      const { value } = event.target;
      actions.filter({ since: value && new Date(Date.now() - value * 1000).toISOString() });
    });
    const more = byId("more");
    more.addEventListener("click", () => actions.more());
    new IntersectionObserver(([entry]) => entry.isIntersecting && !more.hidden && actions.more(), { rootMargin: "600px" }).observe(more);
    setInterval(() => this.#cards.forEach(({ image, when }) => (when.textContent = ago(image.committed_at))), 30_000);
  }

  /** Show the gallery's images in order. Existing cards are kept, with their loaded pictures; `fresh` are new ids. */
  async show(gallery, fresh) {
    const drawing = (this.#drawing += 1);
    const list = byId("gallery");
    const images = gallery.shown;
    const kept = new Set(images.map((image) => image.image_id));
    for (const [id, card] of this.#cards) {
      if (kept.has(id)) continue;
      card.element.remove();
      this.#cards.delete(id);
    }
    this.#updateTexts(gallery, images.length, fresh.size);
    let place = list.firstElementChild;
    let made = 0;
    for (const image of images) {
      let card = this.#cards.get(image.image_id);
      if (!card) {
        card = this.#make(image);
        card.element.classList.toggle("fresh", fresh.has(image.image_id));
        this.#cards.set(image.image_id, card);
        made += 1;
      }
      card.image = image;
      if (card.element === place) place = place.nextElementSibling;
      else list.insertBefore(card.element, place);
      if (made === CARDS_PER_TURN) {
        made = 0;
        await yieldToBrowser();
        if (drawing !== this.#drawing) return; // a newer list is being shown
      }
    }
  }

  /** Focus the neighbour of a removed picture's card. */
  focusAfter(id) {
    const element = this.#cards.get(id)?.element;
    const next = element?.nextElementSibling ?? element?.previousElementSibling;
    (next?.querySelector("a") ?? byId("main")).focus({ preventScroll: true });
  }

  #make(image) {
    const failed = image.status === "failed";
    const [reason] = failed ? failure(image.code) : [];
    const name = readable(image.name);
    const when = h("time", { datetime: image.committed_at, title: date(image.committed_at) }, ago(image.committed_at));
    const element = h(
      "li.card",
      { dataset: { status: image.status, id: image.image_id } },
      h("div.plate", {}, failed ? [icon("alert"), h("span", {}, reason)] : thumbnail(image)),
      h("div.below", {}, nameLine(image.name), facts(image, failed, when)),
      h("a.open", { href: `#/image/${image.image_id}`, "aria-label": failed ? `${name}: ${reason}` : name }),
      image.route === "batch" && h("span.place", {}, icon("batch"), "Batch"),
      h("button.round.remove", { type: "button", "aria-label": `Delete ${name}`, onclick: () => this.actions.remove(this.#cards.get(image.image_id).image) }, icon("trash")),
    );
    return { element, image, when };
  }

  #updateTexts(gallery, count, fresh) {
    const { filters, loaded } = gallery;
    const filtered = Object.values(filters).some(Boolean);
    byId("more").hidden = !gallery.more;
    const empty = byId("gallery-empty");
    empty.hidden = !loaded || count > 0;
    if (!empty.hidden) {
      empty.replaceChildren(...[
        icon(filtered ? "search" : "pictures"),
        h("h2", {}, filtered ? "No matches" : "No pictures yet"),
        h("p.quiet", {}, filtered
          ? "No picture matches all filters. Use fewer filters, or another part of the name."
          : "The pictures that you upload appear here when they are finished, usually within seconds. Very large pictures take a minute or two."),
        filtered && h("button", { type: "button", onclick: () => this.#reset() }, "Show all"),
      ].filter(Boolean));
    }
    if (filtered && loaded) byId("gallery-words").textContent = `${plural(count, "picture")}${gallery.more ? " and more" : ""}`;
    else if (fresh) byId("gallery-words").textContent = `${plural(fresh, "new picture")} finished`;
  }

  #reset() {
    byId("filter-text").value = byId("filter-format").value = byId("filter-time").value = "";
    document.getElementsByName("status")[0].checked = true;
    this.actions.filter({ status: "", format: "", text: "", since: "" });
    byId("filter-text").focus();
  }
}

function thumbnail(image) {
  const rendition = image.thumbnail;
  if (!rendition || !isShown(rendition.format)) return icon("pictures");
  const shape = rendition.width / rendition.height;
  const whole = shape > 2.4 || shape < 0.55;
  return h("img", {
    class: whole && "whole", alt: "", loading: "lazy", decoding: "async",
    src: rendition.url, width: rendition.width, height: rendition.height,
  });
}

function facts(image, failed, when) {
  const share = failed ? null : saved(image);
  return h(
    "p.facts", {},
    dimensions(image.width, image.height) && h("span", {}, dimensions(image.width, image.height)),
    image.bytes != null && h("span", {}, bytes(image.bytes)),
    share > 0.005 && h("span.saved", { title: "Bytes that the largest result saves" }, `−${percent(share)}`),
    when,
  );
}
