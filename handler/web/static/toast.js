// Short messages at the bottom of the page, read out by screen readers; some offer to undo an action.

import { byId, h } from "./dom.js";

/** Show a message for some seconds; a pointer or the focus on it stops the clock. */
export function notify(text, seconds = 5) {
  show([h("span", {}, text)], seconds, () => {});
}

/**
 * Offer to undo an action: calls `undo` on request, else `commit` after the seconds or when the page is closed.
 * @returns {() => void} commits at once
 */
export function notifyUndoable(text, seconds, commit, undo) {
  let open = true;
  const settle = (action) => {
    if (!open) return;
    open = false;
    removeEventListener("pagehide", leave);
    action();
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
  // A modal dialog makes everything outside it inert, so the message goes into an open dialog.
  (document.querySelector("dialog[open]") ?? document.body).append(byId("toasts"));
  byId("toasts").append(toast);
  run();
  return close;
}
