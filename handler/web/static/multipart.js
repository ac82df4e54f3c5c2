// Uploads a large file in parts. Each part is retried until it has arrived; parts that S3 has are never sent again, not
// even after the page is reloaded.

import { withUploadErrors } from "./api.js";
import { RefusedByServer, retry, transmit } from "./send.js";

const LANES = 3; // parts sent at the same time
const SIGNED_AT_ONCE = 12; // the URLs are valid for 15 minutes

/** @param {import("./resumable.js").Resumable} resumable remembers started uploads */
export async function sendParts(api, resumable, upload, sent) {
  const { file } = upload;
  const { signal } = upload.controller;
  const showRetry = (error) => (upload.message = `${error.message} Retrying`);
  const ask = (work) => retry(() => withUploadErrors(work), signal, { waiting: showRetry });

  const { started, arrived } = await resumeOrStart(api, resumable, upload, ask);
  upload.upload = started.upload;
  const count = Math.ceil(file.size / started.part_bytes);
  const inFlight = new Map();
  let arrivedBytes = 0;
  const report = () => sent(arrivedBytes + [...inFlight.values()].reduce((sum, bytes) => sum + bytes, 0));
  const missing = [];
  for (let number = 1; number <= count; number += 1) {
    const size = Math.min(started.part_bytes, file.size - (number - 1) * started.part_bytes);
    if (arrived.get(number) === size) arrivedBytes += size;
    else missing.push(number);
  }
  report();

  const sign = async (numbers) => new Map((await withUploadErrors(() => api.sign(started, file.size, numbers))).map((part) => [part.number, part]));

  async function lane() {
    while (missing.length) {
      const numbers = missing.splice(0, Math.max(1, Math.min(SIGNED_AT_ONCE, Math.ceil(missing.length / LANES))));
      let signed = new Map();
      for (const number of numbers) {
        await retry(async () => {
          // After a failure the part is signed again, since the signature may have expired
          if (!signed.has(number)) signed = await sign(numbers.filter((other) => other >= number));
          const part = signed.get(number);
          signed.delete(number);
          const body = file.slice(part.offset, part.offset + part.bytes);
          await transmit({ method: "PUT", url: part.url, body, signal, sent: (bytes) => (inFlight.set(number, Math.min(bytes, part.bytes)), report()) });
          inFlight.delete(number);
          arrivedBytes += part.bytes;
          upload.message = "";
          report();
        }, signal, { tries: 9, waiting: (error) => (inFlight.delete(number), showRetry(error), report()) });
      }
    }
  }

  await Promise.all(Array.from({ length: Math.min(LANES, missing.length) }, lane));
  await ask(() => api.complete(started, file.size));
  resumable.forget(file);
}

/** The unfinished upload of this file, or a new one. */
async function resumeOrStart(api, resumable, upload, ask) {
  const { file } = upload;
  const started = resumable.startedUpload(file);
  if (started) {
    try {
      const parts = await ask(() => api.parts(started));
      return { started, arrived: new Map(parts.map(({ number, bytes }) => [number, bytes])) };
    } catch (error) {
      if (!(error instanceof RefusedByServer)) throw error; // S3 has deleted it: start again
    }
  }
  const request = { pipeline: upload.pipeline, name: file.name.slice(0, 2000).toWellFormed(), bytes: file.size, type: file.type.slice(0, 200) };
  const fresh = await ask(() => api.begin(request));
  resumable.remember(file, fresh);
  return { started: fresh, arrived: new Map() };
}
