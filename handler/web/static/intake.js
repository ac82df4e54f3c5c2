// Ways to add files: drop, paste, file chooser, folder chooser, camera. Each calls `addFiles` with a list of files.

import { yieldToBrowser, byId } from "./dom.js";

/** Files that operating systems leave in folders. */
const IGNORED_FILES = /^(\.|thumbs\.db$|desktop\.ini$|__macosx$)/i;
const FEW = 50; // dropped items

/** @param {(files: File[]) => void} addFiles */
export function setUpIntake(addFiles) {
  for (const id of ["files", "folder", "camera"]) {
    const input = byId(id);
    input.addEventListener("change", () => {
      const files = [...input.files].filter((file) => !file.webkitRelativePath.split("/").some((part) => IGNORED_FILES.test(part)));
      input.value = ""; // so that the same file can be chosen again
      addFiles(files);
    });
  }
  addEventListener("paste", (event) => {
    if (event.target.matches?.("input, select")) return;
    const files = [...(event.clipboardData?.files ?? [])].map(uniquelyNamed);
    if (files.length) addFiles(files);
  });
  setUpDrop(addFiles);
  if (navigator.userAgent.includes("Mac")) byId("paste-key").textContent = "⌘";
}

function setUpDrop(addFiles) {
  const veil = byId("veil");
  let depth = 0; // each element under the pointer fires dragenter and dragleave
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
    event.preventDefault(); // else the browser opens the file instead of the page
    depth = 0;
    veil.hidden = true;
    // The items are emptied after the event, so their entries are read at once.
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const entries = items.map((item) => (mayBeFolder(item, items.length) ? item.webkitGetAsEntry?.() : null) ?? item.getAsFile());
    addFiles((await Promise.all(entries.filter(Boolean).map(listFiles))).flat());
  });
}

/**
 * Getting an entry blocks on the disk. Among many items only those without a media type are checked: a folder has none,
 * unless its name ends like a picture's.
 */
const mayBeFolder = (item, among) => among <= FEW || !item.type;

/** The files of a dropped entry, including those in nested folders. */
async function listFiles(entry) {
  if (entry instanceof File) return [entry];
  if (IGNORED_FILES.test(entry.name) && !entry.isFile) return [];
  if (entry.isFile) return new Promise((resolve) => entry.file((file) => resolve([file]), () => resolve([])));
  const reader = entry.createReader();
  const files = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) return files;
    for (const inner of some) if (!IGNORED_FILES.test(inner.name)) files.push(...(await listFiles(inner)));
    await yieldToBrowser();
  }
}

/** Browsers name every pasted picture image.png, so the time is added. */
function uniquelyNamed(file) {
  if (file.name && file.name !== "image.png") return file;
  const time = new Date().toISOString().slice(0, 19).replace("T", " ").replaceAll(":", ".");
  return new File([file], `pasted ${time}.png`, { type: file.type });
}
