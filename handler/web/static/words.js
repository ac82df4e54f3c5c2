// Numbers and codes in words a person reads.

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];
const plain = new Intl.NumberFormat("en");
const money = new Intl.NumberFormat("en", { style: "currency", currency: "USD" });
const cents = new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumSignificantDigits: 2 });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

export const number = (value) => plain.format(value);
/** A picture costs a fraction of a cent: of less than a dollar, the first two figures that say something. */
export const dollars = (value) => (value > 0 && value < 0.0001 ? "< $0.0001" : value ? (value < 0.995 ? cents : money).format(value) : "$0");
/** A format's name as its makers write it; `other` is the ledger's word where nobody could tell. */
export const format = (name) => ({ webp: "WebP", jpeg2000: "JPEG 2000", other: "Not known" })[name] ?? name.toUpperCase();
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

/** Failure codes of images and runs (core/domain/errors.py): what happened, and what whoever sent the picture can do. */
export const CODES = {
  empty_file: ["The file is empty", "Send it again from where it came from."],
  unsupported_format: ["Not a format that is read here", "Save it as JPEG, PNG, WebP, AVIF or TIFF, and send that."],
  corrupt_image: ["The file is damaged or cut off", "Open the original to see whether it is whole, and send it again."],
  too_many_bytes: ["The file is too large", "Make it smaller, or ask us to raise the limit."],
  too_many_pixels: ["Too many pixels", "Make it smaller, or ask us to raise the limit."],
  result_too_large: ["The result would be too large for its format", "Choose another way above that makes it smaller."],
  too_much_memory: ["It needs more memory than there is", "Make it smaller first, or choose another way above."],
  too_much_time: ["It would take too long", "Make it smaller first, or choose another way above."],
  unknown_pipeline: ["What it should become is not known", "Choose again what it should become, and send it again."],
  source_missing: ["It was gone before it was its turn", "Send it again."],
  source_unreadable: ["Its storage did not give it out", "Bring it back from its archive, or unlock it, and send it again."],
  source_replaced: ["It was replaced by a newer upload", "Nothing: the newer one is a picture of its own."],
  operation_failed: ["A step could not be done on this picture", "Look at the picture; ask us if it looks right to you."],
  out_of_memory: ["It needed more memory than it may use", "Ask us to try it on a larger machine."],
  timed_out: ["It was not done in time", "Make it smaller, or ask us to give it longer."],
  worker_crashed: ["The picture crashed its reader", "No other picture was harmed. Keep the file: we would like to see it."],
  cancelled: ["An operator stopped it", "Ask us, or send it again."],
  not_started: ["It could not be started", "That is our fault. Ask us to run it again."],
  abandoned: ["It got lost on the way", "That is our fault. Ask us to run it again."],
};

export const failure = (code) => CODES[code] ?? ["It could not be done", "Ask us, and name the code."];
