// What can be said of one picture, out of what the API tells of it.

/** What browsers show; of an original in another format there is no "before" to be seen. */
const SHOWN = new Set(["jpeg", "png", "webp", "avif", "gif", "bmp", "ico"]);
const LARGEST_BEFORE = 40e6; // an original of more bytes is not loaded only to be looked at

export const isShown = (format) => SHOWN.has(format);

/** The outputs that a browser shows, from small to large; of one size the lightest last. */
export function shownOutputs(image) {
  return image.renditions
    .filter((rendition) => isShown(rendition.format))
    .toSorted((one, other) => one.width * one.height - other.width * other.height || other.bytes - one.bytes);
}

/** Of some outputs in that order, the lightest that is sharp at so many CSS pixels of width; else the largest. */
export function sharpAt(outputs, width) {
  const pixels = width * Math.min(devicePixelRatio, 2);
  const enough = outputs.filter((rendition) => rendition.width >= pixels);
  const smallest = Math.min(...enough.map((rendition) => rendition.width));
  return enough.findLast((rendition) => rendition.width === smallest) ?? outputs.at(-1);
}

/** The share of the original's bytes that its largest result does without; negative where it grew, null if unknown. */
export const saved = ({ bytes, largest }) => (bytes && largest ? 1 - largest.bytes / bytes : null);

/** Why there is no "before", or an empty text where there is one. */
export function whyNoBefore(image) {
  if (!image.before) return "The original is not kept where this page may read it, so two results are compared.";
  if (!isShown(image.format)) return `Browsers do not show ${(image.format ?? "such files").toUpperCase()}, so two results are compared.`;
  if (image.bytes > LARGEST_BEFORE) return "The original is too large to be loaded here, so two results are compared.";
  return "";
}
