// Bytes on their way to the store. XMLHttpRequest, since fetch does not say how much of a body has left.

export class Stopped extends Error {}
/** The network or the store did not answer as it should: the same again may succeed. */
export class Dropped extends Error {}
/** The store refused it for good: the same again would be refused again. */
export class Refused extends Error {}

/**
 * One request. Resolves to the XMLHttpRequest, whose headers can be asked for.
 * @param {{method: string, url: string, body: Blob|FormData, signal: AbortSignal, sent: (bytes: number) => void}} request
 */
export function transmit({ method, url, body, signal, sent }) {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new Stopped());
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    signal.addEventListener("abort", abort, { once: true });
    request.upload.addEventListener("progress", (event) => sent(event.loaded));
    request.addEventListener("loadend", () => {
      signal.removeEventListener("abort", abort);
      if (request.status >= 200 && request.status < 300) resolve(request);
      else if (signal.aborted) reject(new Stopped());
      else if (request.status >= 400 && request.status < 500 && request.status !== 408 && request.status !== 429) {
        const reason = request.responseXML?.querySelector("Message")?.textContent;
        reject(new Refused(reason || `The store refused it (${request.status}).`));
      } else reject(new Dropped(request.status ? `The store answered ${request.status}.` : "The connection dropped."));
    });
    request.open(method, url);
    request.send(body);
  });
}

/** A file in one piece, by the form that was signed for it. The file is the form's last field: S3 reads no further. */
export function sendForm({ url, fields }, file, { signal, sent }) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append("file", file);
  return transmit({ method: "POST", url, body, signal, sent: (bytes) => sent(Math.min(bytes, file.size)) });
}

/**
 * Do it until it is done: what dropped is done again, after a pause that doubles, or as soon as the network is back.
 * @param {() => Promise<T>} work @template T
 */
export async function persistently(work, signal, { tries = 6, pause = 500, waiting = () => {} } = {}) {
  for (let round = 1; ; round += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Dropped) || round >= tries) throw error;
      waiting(error);
      await rest(pause * 2 ** (round - 1) * (0.75 + Math.random() / 2), signal);
    }
  }
}

function rest(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      removeEventListener("online", settle);
      signal.removeEventListener("abort", settle);
      if (signal.aborted) reject(new Stopped());
      else resolve();
    };
    const timer = setTimeout(settle, milliseconds);
    addEventListener("online", settle);
    signal.addEventListener("abort", settle);
  });
}
