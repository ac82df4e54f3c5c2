// Creates DOM elements. Text always stays text, never HTML, since file names are untrusted.

/** `h("button.quiet", {type: "button", onclick}, "Text", child)` creates an element; null and false are skipped. */
export function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value == null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "dataset") Object.assign(element.dataset, value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** An icon of icons.svg, hidden from screen readers: the text beside it is read. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `/static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

export const byId = (id) => document.getElementById(id);

const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g;
const DIRECTIONS = /[\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const MAX_LENGTH = 300; // characters

/**
 * A file name that is safe to show: control characters become visible symbols, characters that change the direction of
 * text are replaced, and a long name is shortened in the middle.
 */
export function readable(name) {
  const shown = String(name)
    .replace(CONTROLS, (sign) => (sign < " " ? String.fromCodePoint(0x2400 + sign.charCodeAt(0)) : "\ufffd"))
    .replace(DIRECTIONS, "\ufffd")
    .toWellFormed();
  const signs = Array.from(shown);
  return signs.length > MAX_LENGTH ? `${signs.slice(0, 200).join("")} … ${signs.slice(-60).join("")}` : shown || "(no name)";
}

/** A name on one line; if it does not fit, its middle is cut and the file extension stays. */
export function nameLine(name) {
  const shown = readable(name);
  const end = shown.match(/(?<=.)\.[A-Za-z0-9]{1,5}$/u)?.[0] ?? "";
  return h("span.name", { title: shown }, h("bdi", {}, shown.slice(0, shown.length - end.length)), end && h("bdi", {}, end));
}

/** Let the browser handle events and draw, so that long work delays no frame. */
export const yieldToBrowser = () => (globalThis.scheduler?.yield ? scheduler.yield() : new Promise((resume) => setTimeout(resume)));
