// Facts about one image, derived from the API's answer.

/** Formats that browsers can show. */
const SHOWN = new Set(["jpeg", "png", "webp", "avif", "gif", "bmp", "ico"]);
const MAX_ORIGINAL_BYTES = 40e6; // larger originals are not loaded for a comparison

export const isShown = (format) => SHOWN.has(format);

/** The renditions that browsers can show, by pixels; among equals the smallest file comes last. */
export function shownOutputs(image) {
  return image.renditions
    .filter((rendition) => isShown(rendition.format))
    .toSorted((first, second) => first.width * first.height - second.width * second.height || second.bytes - first.bytes);
}

/** The smallest of these renditions that is sharp at `width` CSS pixels; else the largest. */
export function sharpAt(outputs, width) {
  const pixels = width * Math.min(devicePixelRatio, 2);
  const enough = outputs.filter((rendition) => rendition.width >= pixels);
  const smallest = Math.min(...enough.map((rendition) => rendition.width));
  return enough.findLast((rendition) => rendition.width === smallest) ?? outputs.at(-1);
}

/** The share of the original's bytes that the largest result saves; negative if it is larger, null if unknown. */
export const saved = ({ bytes, largest }) => (bytes && largest ? 1 - largest.bytes / bytes : null);

/** The reason why the original cannot be shown, as a sentence; empty if it can. */
export function reasonWithoutOriginal(image) {
  if (!image.before) return "This page cannot read the original, so two results are compared.";
  if (!isShown(image.format)) return `Browsers cannot show ${image.format?.toUpperCase() ?? "this format"}, so two results are compared.`;
  if (image.bytes > MAX_ORIGINAL_BYTES) return "The original is too large to load here, so two results are compared.";
  return "";
}
