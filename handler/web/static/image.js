// What can be said of one picture, out of what the API tells of it.

/** What browsers show; of an original in another format there is no "before" to be seen. */
const SHOWN = new Set(["jpeg", "png", "webp", "avif", "gif", "bmp", "ico"]);
const LARGEST_BEFORE = 40e6; // an original of more bytes is not loaded only to be looked at

export const isShown = (format) => SHOWN.has(format);

/** The outputs that a browser shows, from small to large; of one size the lightest first. */
export function shownOutputs(image) {
  return image.renditions
    .filter((rendition) => isShown(rendition.format))
    .toSorted((one, other) => one.width * one.height - other.width * other.height || one.bytes - other.bytes);
}

/** The lightest output that is sharp at so many CSS pixels of width; the largest where none is. */
export function output(image, width) {
  const outputs = shownOutputs(image);
  return outputs.find((rendition) => rendition.width >= width * Math.min(devicePixelRatio, 2)) ?? outputs.at(-1) ?? null;
}

/** The outputs of the most pixels: what is compared with the original. */
function largest(image) {
  const most = Math.max(0, ...image.renditions.map((rendition) => rendition.width * rendition.height));
  return image.renditions.filter((rendition) => rendition.width * rendition.height === most);
}

/**
 * The share of the original's bytes that its best output does without; the largest one counts, and of those the
 * lightest. Null where nothing is known, negative where it grew.
 */
export function saved(image) {
  const outputs = largest(image);
  if (!image.bytes || !outputs.length) return null;
  return 1 - Math.min(...outputs.map((rendition) => rendition.bytes)) / image.bytes;
}

/** Why there is no "before", or an empty text where there is one. */
export function whyNoBefore(image) {
  if (!image.original) return "The original is not kept any more.";
  if (!isShown(image.format)) return `Browsers do not show ${(image.format ?? "such files").toUpperCase()}, so two results are compared.`;
  if (image.bytes > LARGEST_BEFORE) return "The original is too large to be loaded here, so two results are compared.";
  return "";
}
