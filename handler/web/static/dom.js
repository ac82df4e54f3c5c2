// Elements out of values. What is given as text becomes text, never HTML: file names are strangers' words.

/** `h("button.quiet", {type: "button", onclick}, "Text", child)`; null and false are left out. */
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

/** A drawing of icons.svg. It says nothing to a screen reader: the words beside it do. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `/static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

export const find = (id) => document.getElementById(id);

const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g;
const DIRECTIONS = /[\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const LONGEST = 300;

/**
 * A stranger's name, as it can be read without harm: what cannot be seen is shown as a sign, what would turn the
 * direction of the line is taken out of effect, and what is too long is cut amid.
 */
export function readable(name) {
  const shown = String(name)
    .replace(CONTROLS, (sign) => (sign < " " ? String.fromCodePoint(0x2400 + sign.charCodeAt(0)) : "\ufffd"))
    .replace(DIRECTIONS, "\ufffd")
    .toWellFormed();
  const signs = Array.from(shown);
  return signs.length > LONGEST ? `${signs.slice(0, 200).join("")} … ${signs.slice(-60).join("")}` : shown || "(no name)";
}

/** A name on one line: its end, which has the format, stays when the middle does not fit. */
export function nameLine(name) {
  const shown = readable(name);
  const end = shown.match(/(?<=.)\.[A-Za-z0-9]{1,5}$/u)?.[0] ?? "";
  return h("span.name", { title: shown }, h("bdi", {}, shown.slice(0, shown.length - end.length)), end && h("bdi", {}, end));
}

/** Give the browser its turn, so that no work of ours holds up a frame. */
export const breath = () => (globalThis.scheduler?.yield ? scheduler.yield() : new Promise((resume) => setTimeout(resume)));
