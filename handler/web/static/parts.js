// A large file, in parts: each is sent until it is there, and what is there is never sent again, not even after a
// reload of the page or by another browser.

import { asked } from "./api.js";
import { Refused, persistently, transmit } from "./send.js";

const LANES = 3;
const SIGNED = 12; // parts signed at once: the URLs are good for a quarter of an hour

/** @param {import("./resumable.js").Resumable} resumable remembers what was begun */
export async function sendParts(api, resumable, upload, sent) {
  const { file } = upload;
  const { signal } = upload.controller;
  const waiting = (error) => (upload.words = `${error.message} It goes on by itself`);
  const ask = (work) => persistently(() => asked(work), signal, { waiting });

  const { begun, arrived } = await open(api, resumable, upload, ask);
  upload.upload = begun.upload;
  const count = Math.ceil(file.size / begun.part_bytes);
  const inFlight = new Map();
  let there = 0;
  const tell = () => sent(there + [...inFlight.values()].reduce((sum, bytes) => sum + bytes, 0));
  const missing = [];
  for (let number = 1; number <= count; number += 1) {
    const size = Math.min(begun.part_bytes, file.size - (number - 1) * begun.part_bytes);
    if (arrived.get(number) === size) there += size;
    else missing.push(number);
  }
  tell();

  const sign = async (numbers) => new Map((await asked(() => api.sign(begun, file.size, numbers))).map((part) => [part.number, part]));

  async function lane() {
    while (missing.length) {
      const numbers = missing.splice(0, Math.max(1, Math.min(SIGNED, Math.ceil(missing.length / LANES))));
      let signed = new Map();
      for (const number of numbers) {
        await persistently(async () => {
          // Signed anew after every failure: it may have been the signature's time that was over
          if (!signed.has(number)) signed = await sign(numbers.filter((one) => one >= number));
          const part = signed.get(number);
          signed.delete(number);
          const body = file.slice(part.offset, part.offset + part.bytes);
          await transmit({ method: "PUT", url: part.url, body, signal, sent: (bytes) => (inFlight.set(number, Math.min(bytes, part.bytes)), tell()) });
          inFlight.delete(number);
          there += part.bytes;
          upload.words = "";
          tell();
        }, signal, { tries: 9, waiting: (error) => (inFlight.delete(number), waiting(error), tell()) });
      }
    }
  }

  await Promise.all(Array.from({ length: Math.min(LANES, missing.length) }, lane));
  await ask(() => api.complete(begun, file.size));
  resumable.forget(file);
}

/** The upload that this file has begun already, or a new one. */
async function open(api, resumable, upload, ask) {
  const { file } = upload;
  const begun = resumable.begunOf(file);
  if (begun) {
    try {
      const parts = await ask(() => api.parts(begun));
      return { begun, arrived: new Map(parts.map(({ number, bytes }) => [number, bytes])) };
    } catch (error) {
      if (!(error instanceof Refused)) throw error; // the store has forgotten it: begin anew
    }
  }
  const wanted = { pipeline: upload.pipeline, name: file.name.slice(0, 2000).toWellFormed(), bytes: file.size, type: file.type.slice(0, 200) };
  const fresh = await ask(() => api.begin(wanted));
  resumable.remember(file, fresh);
  return { begun: fresh, arrived: new Map() };
}
