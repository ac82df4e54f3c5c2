// Short messages at the foot of the page; read out by screen readers, and some can be taken back.

import { find, h } from "./dom.js";

/** Say it for some seconds. A pointer or the focus on it holds the clock. */
export function say(text, seconds = 5) {
  show([h("span", {}, text)], seconds, () => {});
}

/**
 * Do something unless it is taken back: `commit` after the seconds, or when the page is left; `undo` when asked to.
 * @returns {() => void} does it at once
 */
export function sayUndoable(text, seconds, commit, undo) {
  let open = true;
  const settle = (what) => {
    if (!open) return;
    open = false;
    removeEventListener("pagehide", leave);
    what();
  };
  const leave = () => settle(commit);
  addEventListener("pagehide", leave);
  const button = h("button", { type: "button", onclick: () => (settle(undo), close()) }, "Undo");
  const close = show([h("span", {}, text), button], seconds, leave);
  return () => close();
}

function show(children, seconds, ended) {
  const toast = h("div.toast", {}, children);
  let timer;
  const close = () => {
    clearTimeout(timer);
    toast.remove();
    ended();
  };
  const hold = () => clearTimeout(timer);
  const run = () => {
    hold();
    timer = setTimeout(close, seconds * 1000);
  };
  for (const event of ["pointerenter", "focusin"]) toast.addEventListener(event, hold);
  for (const event of ["pointerleave", "focusout"]) toast.addEventListener(event, run);
  // A modal dialog makes everything outside it inert, so the message goes in where somebody is.
  (document.querySelector("dialog[open]") ?? document.body).append(find("toasts"));
  find("toasts").append(toast);
  run();
  return close;
}
