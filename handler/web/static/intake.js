// The ways in: drop, paste, choose, folder, camera. Each ends in one call with a list of files.

import { breath, find } from "./dom.js";

/** What file managers leave in folders, and nobody means to send. */
const LITTER = /^(\.|thumbs\.db$|desktop\.ini$|__macosx$)/i;
const FEW = 50;

/** @param {(files: File[]) => void} take */
export function openIntake(take) {
  for (const id of ["files", "folder", "camera"]) {
    const input = find(id);
    input.addEventListener("change", () => {
      const files = [...input.files].filter((file) => !file.webkitRelativePath.split("/").some((part) => LITTER.test(part)));
      input.value = ""; // so that the same file can be chosen again
      take(files);
    });
  }
  addEventListener("paste", (event) => {
    if (event.target.matches?.("input, select")) return;
    const files = [...(event.clipboardData?.files ?? [])].map(named);
    if (files.length) take(files);
  });
  openDrop(take);
  if (navigator.userAgent.includes("Mac")) find("paste-key").textContent = "⌘";
}

function openDrop(take) {
  const veil = find("veil");
  let depth = 0; // every element under the pointer enters and leaves
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    depth += 1;
    veil.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (carriesFiles(event)) depth -= 1;
    if (depth <= 0) veil.hidden = true;
  });
  addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  addEventListener("drop", async (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault(); // else the browser leaves the page to show the file
    depth = 0;
    veil.hidden = true;
    // The items are gone after the event: what is in them is taken out at once.
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const entries = items.map((item) => (mayBeFolder(item, items.length) ? item.webkitGetAsEntry?.() : null) ?? item.getAsFile());
    take((await Promise.all(entries.filter(Boolean).map(unfolded))).flat());
  });
}

/**
 * For an entry the browser stops to look at the disk, once each: of many, only what has no type is asked what it is.
 * A folder has none, unless it is called like a picture.
 */
const mayBeFolder = (item, among) => among <= FEW || !item.type;

/** The files of what was dropped, folders all the way down. */
async function unfolded(entry) {
  if (entry instanceof File) return [entry];
  if (LITTER.test(entry.name) && !entry.isFile) return [];
  if (entry.isFile) return new Promise((resolve) => entry.file((file) => resolve([file]), () => resolve([])));
  const reader = entry.createReader();
  const files = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) return files;
    for (const inner of some) if (!LITTER.test(inner.name)) files.push(...(await unfolded(inner)));
    await breath();
  }
}

/** Every pasted picture is called image.png: by the time one knows them apart. */
function named(file) {
  if (file.name && file.name !== "image.png") return file;
  const time = new Date().toISOString().slice(0, 19).replace("T", " ").replaceAll(":", ".");
  return new File([file], `pasted ${time}.png`, { type: file.type });
}
