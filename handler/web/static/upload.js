// Uploads one file: in one piece with a presigned form, or in parts from 50 MB on.

import { withUploadErrors } from "./api.js";
import { sendParts } from "./multipart.js";
import { RefusedByServer, retry, sendForm } from "./send.js";

const PARTS_FROM = 50_000_000; // core/services/web/upload_messages.py
const FORMS_AT_ONCE = 25; // forms signed by one request; they expire after minutes
const MARGIN = 60_000; // milliseconds before a form expires

/**
 * @param {() => object[]} waiting returns the uploads that are sent next: their forms are requested together
 * @returns {(upload: object, sent: (bytes: number) => void) => Promise<void>} the queue's `send`
 */
export function uploader(api, resumable, waiting) {
  const forms = new Map(); // upload → {form, upload, until}, {refused}, or {asking}: the promise of the request for the form

  async function announce(uploads, pipeline) {
    const files = uploads.map(({ file }) => ({ name: file.name.slice(0, 2000).toWellFormed(), bytes: file.size, type: file.type.slice(0, 200) }));
    const answer = await withUploadErrors(() => api.announce(pipeline, files));
    const until = Date.now() + (Date.parse(answer.expires_at) - Date.parse(answer.at)) - MARGIN;
    for (const { index, ...accepted } of answer.accepted) forms.set(uploads[index], { ...accepted, until });
    for (const { index, detail } of answer.refused) forms.set(uploads[index], { refused: detail });
  }

  async function getForm(upload) {
    await forms.get(upload)?.asking?.catch(() => {});
    const known = forms.get(upload);
    if (!known || known.until < Date.now() || known.refused) {
      const more = waiting().filter((other) => other !== upload && other.pipeline === upload.pipeline && other.size < PARTS_FROM && !forms.has(other));
      const together = [upload, ...more.slice(0, FORMS_AT_ONCE - 1)];
      const asking = announce(together, upload.pipeline);
      for (const other of together) forms.set(other, { asking });
      try {
        await asking;
      } catch (error) {
        for (const other of together) forms.delete(other);
        throw error;
      }
    }
    const form = forms.get(upload);
    if (form.refused) throw new RefusedByServer(form.refused);
    return form;
  }

  /** Whether S3 has the file although its answer was lost. */
  async function hasArrived(id) {
    const [ended, waits] = await Promise.all([api.images({ upload: id }), api.waiting()]);
    return ended.images.length > 0 || waits.some(({ upload }) => upload === id);
  }

  async function sendWhole(upload, sent) {
    const { signal } = upload.controller;
    let tried = upload.upload !== null;
    await retry(async () => {
      if (tried && (await withUploadErrors(() => hasArrived(upload.upload)))) return;
      const form = await getForm(upload);
      upload.upload = form.upload;
      tried = true;
      await sendForm(form.form, upload.file, { signal, sent });
    }, signal, { waiting: (error) => (upload.message = `${error.message} Retrying`) });
    upload.message = "";
    forms.delete(upload);
  }

  return (upload, sent) => (upload.size < PARTS_FROM ? sendWhole(upload, sent) : sendParts(api, resumable, upload, sent));
}
