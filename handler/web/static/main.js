// Where everything meets: who is here, what the address says, what hangs together.

import { Api } from "./api.js";
import { find, readable } from "./dom.js";
import { Gallery } from "./gallery.js";
import { GalleryView } from "./gallery-view.js";
import { openIntake } from "./intake.js";
import { signIn } from "./login.js";
import { Numbers } from "./numbers.js";
import { showPipelines } from "./pipelines.js";
import { Queue } from "./queue.js";
import { QueueView } from "./queue-view.js";
import { Resumable } from "./resumable.js";
import { say, sayUndoable } from "./toast.js";
import { uploader } from "./upload.js";
import { Viewer } from "./viewer.js";
import { plural } from "./words.js";

const UNDO_SECONDS = 8;

function trouble(error) {
  find("trouble").hidden = !error;
  if (error) find("trouble").textContent = error.message;
}

async function start() {
  const session = await signIn();
  if (!session) return; // the browser is on its way to the login
  const api = new Api(session);
  find("customer").textContent = session.customer;
  find("leave").hidden = false;
  find("leave").addEventListener("click", () => session.leave());

  find("pictures").hidden = false;
  const pipeline = await showPipelines(api);
  const resumable = new Resumable({ api, customer: session.customer, isSending: (is) => queue.isSending(is), take, say });
  const queue = new Queue(uploader(api, resumable, () => queue.next));
  const gallery = new Gallery(api, queue, { changed: (fresh) => view.show(gallery, fresh), trouble });
  const view = new GalleryView({ remove, filter: (filters) => gallery.show(filters), more: () => gallery.showMore().catch(trouble) });
  const viewer = new Viewer({ load: (id) => api.image(id), neighbours, remove, leave });
  const numbers = new Numbers(api);
  new QueueView(queue, (image) => (location.hash = `#/image/${image.image_id}`));

  function take(files) {
    if (!files.length) return say("There was no file in that.");
    location.hash = "#/";
    queue.add(files, pipeline());
    resumable.show().catch(trouble);
    gallery.hurry();
    say(`${plural(files.length, "file")} taken`, 3);
  }

  /** Gone from sight at once, and for good when nobody has taken it back. */
  function remove(image) {
    const next = neighbours(image.image_id).find(Boolean);
    view.focusAfter(image.image_id);
    gallery.remove(image.image_id);
    if (find("viewer").open) next ? location.replace(`#/image/${next}`) : viewer.close();
    sayUndoable(
      `${readable(image.name)} deleted`,
      UNDO_SECONDS,
      () => api.remove(image.image_id).catch((error) => (gallery.keep(image.image_id), trouble(error))),
      () => gallery.keep(image.image_id),
    );
  }

  function neighbours(id) {
    const ids = gallery.shown.map((image) => image.image_id);
    const place = ids.indexOf(id);
    return place < 0 ? [undefined, undefined] : [ids[place - 1], ids[place + 1]];
  }

  function leave(id) {
    if (location.hash === `#/image/${id}`) location.hash = "#/";
    document.querySelector(`.card[data-id="${CSS.escape(id)}"] a`)?.focus({ preventScroll: true });
  }

  /** Show what the address says; a picture itself only once there is a gallery around it. */
  async function follow() {
    const [, place, id] = location.hash.split("/");
    const isNumbers = place === "numbers";
    find("pictures").hidden = isNumbers;
    find("numbers").hidden = !isNumbers;
    for (const [tab, here] of [["tab-pictures", !isNumbers], ["tab-numbers", isNumbers]]) {
      if (here) find(tab).setAttribute("aria-current", "page");
      else find(tab).removeAttribute("aria-current");
    }
    document.title = isNumbers ? "Numbers · Picture Perfect" : "Picture Perfect";
    if (!isNumbers) numbers.hide();
    try {
      if (place !== "image") viewer.close();
      if (isNumbers) await numbers.show();
      else if (place === "image" && gallery.loaded) await viewer.show(id);
    } catch (error) {
      if (place === "image") location.hash = "#/";
      say(error.message, 8);
    }
  }

  openIntake(take);
  addEventListener("hashchange", follow);
  addEventListener("beforeunload", (event) => queue.unsent && event.preventDefault());
  await Promise.all([follow(), gallery.show({})]);
  if (location.hash.startsWith("#/image/")) await follow();
  await resumable.show();
}

start().catch(trouble);
