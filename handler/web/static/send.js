// Sends files to S3. Uses XMLHttpRequest, since fetch does not report upload progress.

export class CancelledByUser extends Error {}
/** The network failed, or the server had an error: a retry may succeed. */
export class ConnectionLost extends Error {}
/** The server refused the request: a retry would be refused again. */
export class RefusedByServer extends Error {}

/**
 * Send one request; resolves to the XMLHttpRequest.
 * @param {{method: string, url: string, body: Blob|FormData, signal: AbortSignal, sent: (bytes: number) => void}} request
 */
export function transmit({ method, url, body, signal, sent }) {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new CancelledByUser());
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    signal.addEventListener("abort", abort, { once: true });
    request.upload.addEventListener("progress", (event) => sent(event.loaded));
    request.addEventListener("loadend", () => {
      signal.removeEventListener("abort", abort);
      if (request.status >= 200 && request.status < 300) resolve(request);
      else if (signal.aborted) reject(new CancelledByUser());
      else if (request.status >= 400 && request.status < 500 && request.status !== 408 && request.status !== 429) {
        const reason = request.responseXML?.querySelector("Message")?.textContent;
        reject(new RefusedByServer(reason || `The storage refused the file (status ${request.status}).`));
      } else reject(new ConnectionLost(request.status ? `The storage answered with status ${request.status}.` : "The connection was lost."));
    });
    request.open(method, url);
    request.send(body);
  });
}

/** Send a file in one piece with its presigned form. The file is the last field: S3 ignores fields after it. */
export function sendForm({ url, fields }, file, { signal, sent }) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append("file", file);
  return transmit({ method: "POST", url, body, signal, sent: (bytes) => sent(Math.min(bytes, file.size)) });
}

/**
 * Call `work`; on ConnectionLost, call it again after a pause that doubles, or as soon as the network is back.
 * @param {() => Promise<T>} work @template T
 */
export async function retry(work, signal, { tries = 6, pause = 500, waiting = () => {} } = {}) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ConnectionLost) || attempt >= tries) throw error;
      waiting(error);
      await pauseFor(pause * 2 ** (attempt - 1) * (0.75 + Math.random() / 2), signal);
    }
  }
}

function pauseFor(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      removeEventListener("online", settle);
      signal.removeEventListener("abort", settle);
      if (signal.aborted) reject(new CancelledByUser());
      else resolve();
    };
    const timer = setTimeout(settle, milliseconds);
    addEventListener("online", settle);
    signal.addEventListener("abort", settle);
  });
}
