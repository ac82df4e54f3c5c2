// Before and after, with a slider between them: an <input type="range">, so that keys and screen readers have it too.

import { h, icon } from "./dom.js";
import { sharpAt, shownOutputs, whyNoBefore } from "./image.js";
import { bytes } from "./words.js";

const ALIKE = 0.02; // of the ratio of width to height: of the same shape, but for rounding

/** The left side of the viewer. */
export function stage(image) {
  const outputs = shownOutputs(image);
  if (!outputs.length) return h("div.stage", {}, h("div.compare", {}, cannot(image)));
  const why = whyNoBefore(image);
  const sides = outputs.map((rendition) => ({
    url: rendition.url,
    width: rendition.width,
    height: rendition.height,
    words: `${rendition.name}, ${rendition.format.toUpperCase()}, ${bytes(rendition.bytes)}`,
    tag: `${rendition.name} · ${rendition.format.toUpperCase()}`,
  }));
  if (!why) sides.unshift({ url: image.before, width: image.width, height: image.height, words: `Original, ${bytes(image.bytes)}`, tag: "Original" });
  const after = sides[sides.length - outputs.length + outputs.indexOf(sharpAt(outputs, Math.min(innerWidth, 1000)))];
  // Without an original: the same size in another format says more than another size
  const others = sides.filter((side) => side !== after);
  const before = why ? (others.find((side) => side.width === after.width) ?? others[0]) : sides[0];
  return comparison(sides, before, after, why);
}

function comparison(sides, before, after, why) {
  const place = h("div.compare");
  const picker = (label, chosen, choose) =>
    h("label.select", {}, h("span.unseen", {}, label),
      h("select", { onchange: (event) => choose(sides[event.target.value]) },
        sides.map((side, index) => h("option", { value: index, selected: side === chosen }, side.words))));
  const draw = () => place.replaceChildren(frame(before, after));
  draw();
  return h("div.stage", {}, place,
    h("div.choose", {},
      before && [picker("On the left", before, (side) => ((before = side), draw())), h("span", {}, "against")],
      picker("On the right", after, (side) => ((after = side), draw())),
      why && h("p", {}, why)));
}

function frame(before, after) {
  const element = h("div.frame.checked");
  const ratio = after.width / after.height;
  element.style.setProperty("--ratio", ratio);
  const picture = (side, kind, alt) => h("img", { src: side.url, alt, draggable: "false", decoding: "async", class: kind });
  const right = picture(after, "after", `After: ${after.words}`);
  element.append(right);
  if (!before) return element;
  const left = picture(before, "before", `Before: ${before.words}`);
  if (Math.abs(before.width / before.height / ratio - 1) > ALIKE) left.classList.add("whole");
  right.classList.add("split");
  const slider = h("input", { type: "range", min: "0", max: "100", step: "0.5", value: "50", "aria-label": "How much of the left picture is seen" });
  const move = () => {
    element.style.setProperty("--at", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", `${Math.round(slider.value)} % ${before.tag}`);
  };
  slider.addEventListener("input", move);
  left.addEventListener("error", () => left.replaceWith(h("span.tag.left", {}, "It could not be loaded")), { once: true });
  element.append(left, h("span.bar"), h("span.tag.left", {}, before.tag), h("span.tag.right", {}, after.tag), slider);
  move();
  return element;
}

function cannot(image) {
  const words = image.status === "failed" ? "Nothing came out, so there is nothing to see." : "No browser shows these formats. Download them to see them.";
  return h("div.cannot", {}, icon("pictures"), h("p", {}, words));
}
