// Numbers, dates and failure codes as text.

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];
const plain = new Intl.NumberFormat("en");
const money = new Intl.NumberFormat("en", { style: "currency", currency: "USD" });
const cents = new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumSignificantDigits: 2 });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

export const number = (value) => plain.format(value);
/** Amounts under a dollar have two significant digits, since a picture costs a fraction of a cent. */
export const dollars = (value) => (value > 0 && value < 0.0001 ? "< $0.0001" : value ? (value < 0.995 ? cents : money).format(value) : "$0");
/** A format's name in its usual spelling; the ledger has `other` for unknown formats. */
export const format = (name) => ({ webp: "WebP", jpeg2000: "JPEG 2000", other: "Unknown" })[name] ?? name.toUpperCase();
export const date = (value) => moment.format(new Date(value));
export const dimensions = (width, height) => (width && height ? `${plain.format(width)} × ${plain.format(height)}` : "");
export const plural = (count, one, many = `${one}s`) => `${plain.format(count)} ${count === 1 ? one : many}`;
export const percent = (share) => `${Math.round(share * 100)} %`;

export function bytes(value) {
  if (value == null) return "";
  if (Math.abs(value) < 1000) return plural(value, "byte");
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.abs(value)) / 3));
  const scaled = value / 1000 ** step;
  return `${scaled.toFixed(Math.abs(scaled) < 10 ? 1 : 0)} ${UNITS[step]}`;
}

export function duration(seconds) {
  if (seconds < 0.995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

export function ago(value, now = Date.now()) {
  const seconds = (new Date(value) - now) / 1000;
  for (const [unit, size] of [["day", 86_400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return relative.format(Math.round(seconds / size), unit);
  }
  return "just now";
}

/** Failure codes of images and runs (core/domain/errors.py): the reason, and advice for the sender of the picture. */
export const CODES = {
  empty_file: ["The file is empty", "Upload the file again from its source."],
  unsupported_format: ["The format is not supported", "Save the picture as JPEG, PNG, WebP, AVIF or TIFF, and upload it again."],
  corrupt_image: ["The file is damaged or cut off", "Check that the original opens, and upload it again."],
  too_many_bytes: ["The file is too large", "Make the picture smaller, or ask us to raise the limit."],
  too_many_pixels: ["The picture has too many pixels", "Make the picture smaller, or ask us to raise the limit."],
  result_too_large: ["The result would be too large for its format", "Choose a pipeline that makes smaller results."],
  too_much_memory: ["Processing would need too much memory", "Make the picture smaller, or choose another pipeline."],
  too_much_time: ["Processing would take too long", "Make the picture smaller, or choose another pipeline."],
  unknown_pipeline: ["The pipeline does not exist", "Choose a pipeline, and upload the picture again."],
  source_missing: ["The file was deleted before it was processed", "Upload the file again."],
  source_unreadable: ["The file could not be read from its storage", "Restore the file from its archive or enable its key, and upload it again."],
  source_replaced: ["A newer upload replaced the file", "Nothing to do: the newer upload is a picture of its own."],
  operation_failed: ["A processing step failed on this picture", "Check the picture, and ask us if it looks right to you."],
  out_of_memory: ["Processing ran out of memory", "Ask us to process the picture on a larger machine."],
  timed_out: ["Processing took too long", "Make the picture smaller, or ask us to allow more time."],
  worker_crashed: ["The picture crashed the program that processes it", "No other picture was affected. Keep the file: we would like to examine it."],
  cancelled: ["An operator cancelled the processing", "Ask us, or upload the picture again."],
  not_started: ["Processing could not be started", "This is our fault. Ask us to process the picture again."],
  abandoned: ["Processing ended without a result", "This is our fault. Ask us to process the picture again."],
};

export const failure = (code) => CODES[code] ?? ["The picture could not be processed", "Ask us, and name the code."];
