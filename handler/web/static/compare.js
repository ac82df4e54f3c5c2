// Before and after with a slider between them: an <input type="range">, so that keyboards and screen readers can use it.

import { h, icon } from "./dom.js";
import { sharpAt, shownOutputs, reasonWithoutOriginal } from "./image.js";
import { bytes } from "./text.js";

const RATIO_TOLERANCE = 0.02; // relative difference of aspect ratios that rounding explains

/** The left side of the viewer: the comparison and the choice of its sides. */
export function stage(image) {
  const outputs = shownOutputs(image);
  if (!outputs.length) return h("div.stage", {}, h("div.compare", {}, nothingToShow(image)));
  const reason = reasonWithoutOriginal(image);
  const sides = outputs.map((rendition) => ({
    url: rendition.url,
    width: rendition.width,
    height: rendition.height,
    label: `${rendition.name}, ${rendition.format.toUpperCase()}, ${bytes(rendition.bytes)}`,
    tag: `${rendition.name} · ${rendition.format.toUpperCase()}`,
  }));
  if (!reason) sides.unshift({ url: image.before, width: image.width, height: image.height, label: `Original, ${bytes(image.bytes)}`, tag: "Original" });
  const after = sides[sides.length - outputs.length + outputs.indexOf(sharpAt(outputs, Math.min(innerWidth, 1000)))];
  // Without an original, the same size in another format is a better comparison than another size
  const others = sides.filter((side) => side !== after);
  const before = reason ? (others.find((side) => side.width === after.width) ?? others[0]) : sides[0];
  return comparison(sides, before, after, reason);
}

function comparison(sides, before, after, reason) {
  const container = h("div.compare");
  const picker = (label, chosen, choose) =>
    h("label.select", {}, h("span.unseen", {}, label),
      h("select", { onchange: (event) => choose(sides[event.target.value]) },
        sides.map((side, index) => h("option", { value: index, selected: side === chosen }, side.label))));
  const draw = () => container.replaceChildren(frame(before, after));
  draw();
  return h("div.stage", {}, container,
    h("div.choose", {},
      before && [picker("Left picture", before, (side) => ((before = side), draw())), h("span", {}, "compared with")],
      picker("Right picture", after, (side) => ((after = side), draw())),
      reason && h("p", {}, reason)));
}

function frame(before, after) {
  const element = h("div.frame.checked");
  const ratio = after.width / after.height;
  element.style.setProperty("--ratio", ratio);
  const picture = (side, kind, alt) => h("img", { src: side.url, alt, draggable: "false", decoding: "async", class: kind });
  const right = picture(after, "after", `After: ${after.label}`);
  element.append(right);
  if (!before) return element;
  const left = picture(before, "before", `Before: ${before.label}`);
  if (Math.abs(before.width / before.height / ratio - 1) > RATIO_TOLERANCE) left.classList.add("whole");
  right.classList.add("split");
  const slider = h("input", { type: "range", min: "0", max: "100", step: "0.5", value: "50", "aria-label": "Share of the left picture" });
  const move = () => {
    element.style.setProperty("--at", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", `${Math.round(slider.value)} % ${before.tag}`);
  };
  slider.addEventListener("input", move);
  left.addEventListener("error", () => left.replaceWith(h("span.tag.left", {}, "Could not be loaded")), { once: true });
  element.append(left, h("span.bar"), h("span.tag.left", {}, before.tag), h("span.tag.right", {}, after.tag), slider);
  move();
  return element;
}

function nothingToShow(image) {
  const text = image.status === "failed" ? "There is no result to show." : "Browsers cannot show these formats. Download the results to view them.";
  return h("div.cannot", {}, icon("pictures"), h("p", {}, text));
}
