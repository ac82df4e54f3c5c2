// One file into the store: in one piece by a signed form, or from 50 MB on in parts.

import { asked } from "./api.js";
import { sendParts } from "./parts.js";
import { Refused, persistently, sendForm } from "./send.js";

const PARTS_FROM = 50_000_000; // core/services/web/upload_messages.py
const AT_ONCE = 25; // forms that one question signs: they are good for minutes only
const MARGIN = 60_000; // of those minutes, in milliseconds

/**
 * @param {() => object[]} waiting the uploads whose turn comes next: their forms are asked for along with this one's
 * @returns {(upload: object, sent: (bytes: number) => void) => Promise<void>} for the queue
 */
export function uploader(api, resumable, waiting) {
  const forms = new Map(); // upload → {form, upload, until} or a promise of the question that asks for it

  async function announce(uploads, pipeline) {
    const files = uploads.map(({ file }) => ({ name: file.name.slice(0, 2000).toWellFormed(), bytes: file.size, type: file.type.slice(0, 200) }));
    const answer = await asked(() => api.announce(pipeline, files));
    const until = Date.now() + (Date.parse(answer.expires_at) - Date.parse(answer.at)) - MARGIN;
    for (const { index, ...accepted } of answer.accepted) forms.set(uploads[index], { ...accepted, until });
    for (const { index, detail } of answer.refused) forms.set(uploads[index], { refused: detail });
  }

  async function formOf(upload) {
    await forms.get(upload)?.asking?.catch(() => {});
    const known = forms.get(upload);
    if (!known || known.until < Date.now() || known.refused) {
      const more = waiting().filter((other) => other !== upload && other.pipeline === upload.pipeline && other.size < PARTS_FROM && !forms.has(other));
      const together = [upload, ...more.slice(0, AT_ONCE - 1)];
      const asking = announce(together, upload.pipeline);
      for (const one of together) forms.set(one, { asking });
      try {
        await asking;
      } catch (error) {
        for (const one of together) forms.delete(one);
        throw error;
      }
    }
    const form = forms.get(upload);
    if (form.refused) throw new Refused(form.refused);
    return form;
  }

  /** Whether it is there, though nobody said so: the connection dropped before the answer. */
  async function landed(id) {
    const [ended, waits] = await Promise.all([api.images({ upload: id }), api.waiting()]);
    return ended.images.length > 0 || waits.some(({ upload }) => upload === id);
  }

  async function sendWhole(upload, sent) {
    const { signal } = upload.controller;
    let tried = upload.upload !== null;
    await persistently(async () => {
      if (tried && (await asked(() => landed(upload.upload)))) return;
      const form = await formOf(upload);
      upload.upload = form.upload;
      tried = true;
      await sendForm(form.form, upload.file, { signal, sent });
    }, signal, { waiting: (error) => (upload.words = `${error.message} It is tried again`) });
    upload.words = "";
    forms.delete(upload);
  }

  return (upload, sent) => (upload.size < PARTS_FROM ? sendWhole(upload, sent) : sendParts(api, resumable, upload, sent));
}
