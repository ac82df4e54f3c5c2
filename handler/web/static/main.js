// Wiring and URL routing.

import { Api } from "./api.js";
import { byId, readable } from "./dom.js";
import { Gallery } from "./gallery.js";
import { GalleryView } from "./gallery-view.js";
import { setUpIntake } from "./intake.js";
import { signIn } from "./login.js";
import { NumbersView } from "./numbers.js";
import { showPipelines } from "./pipelines.js";
import { Queue } from "./queue.js";
import { QueueView } from "./queue-view.js";
import { Resumable } from "./resumable.js";
import { notify, notifyUndoable } from "./toast.js";
import { uploader } from "./upload.js";
import { Viewer } from "./viewer.js";
import { plural } from "./text.js";

const UNDO_SECONDS = 8;

function showError(error) {
  byId("trouble").hidden = !error;
  if (error) byId("trouble").textContent = error.message;
}

async function start() {
  const session = await signIn();
  if (!session) return; // the browser is being redirected to the login
  const api = new Api(session);
  byId("customer").textContent = session.customer;
  byId("leave").hidden = false;
  byId("leave").addEventListener("click", () => session.signOut());

  byId("pictures").hidden = false;
  const pipeline = await showPipelines(api);
  const resumable = new Resumable({ api, customer: session.customer, isSending: (matches) => queue.isSending(matches), addFiles, notify });
  const queue = new Queue(uploader(api, resumable, () => queue.next));
  const gallery = new Gallery(api, queue, { changed: (fresh) => view.show(gallery, fresh), showError });
  const view = new GalleryView({ remove, filter: (filters) => gallery.show(filters), more: () => gallery.showMore().catch(showError) });
  const viewer = new Viewer({ load: (id) => api.image(id), neighbours, remove, closed });
  const numbers = new NumbersView(api);
  new QueueView(queue, (image) => (location.hash = `#/image/${image.image_id}`));

  function addFiles(files) {
    if (!files.length) return notify("No files were found there.");
    location.hash = "#/";
    queue.add(files, pipeline());
    resumable.show().catch(showError);
    gallery.pollSoon();
    notify(`${plural(files.length, "file")} added`, 3);
  }

  /** Hide the image at once, and delete it unless the deletion is undone in time. */
  function remove(image) {
    const next = neighbours(image.image_id).find(Boolean);
    view.focusAfter(image.image_id);
    gallery.remove(image.image_id);
    if (byId("viewer").open) next ? location.replace(`#/image/${next}`) : viewer.close();
    notifyUndoable(
      `${readable(image.name)} deleted`,
      UNDO_SECONDS,
      () => api.remove(image.image_id).catch((error) => (gallery.keep(image.image_id), showError(error))),
      () => gallery.keep(image.image_id),
    );
  }

  function neighbours(id) {
    const ids = gallery.shown.map((image) => image.image_id);
    const index = ids.indexOf(id);
    return index < 0 ? [undefined, undefined] : [ids[index - 1], ids[index + 1]];
  }

  function closed(id) {
    if (location.hash === `#/image/${id}`) location.hash = "#/";
    document.querySelector(`.card[data-id="${CSS.escape(id)}"] a`)?.focus({ preventScroll: true });
  }

  /** Show the view that the URL's hash names; a single image only after the gallery has loaded. */
  async function showRoute() {
    const [, route, id] = location.hash.split("/");
    const isNumbers = route === "numbers";
    byId("pictures").hidden = isNumbers;
    byId("numbers").hidden = !isNumbers;
    for (const [tab, here] of [["tab-pictures", !isNumbers], ["tab-numbers", isNumbers]]) {
      if (here) byId(tab).setAttribute("aria-current", "page");
      else byId(tab).removeAttribute("aria-current");
    }
    document.title = isNumbers ? "Numbers · Picture Perfect" : "Picture Perfect";
    if (!isNumbers) numbers.hide();
    try {
      if (route !== "image") viewer.close();
      if (isNumbers) await numbers.show();
      else if (route === "image" && gallery.loaded) await viewer.show(id);
    } catch (error) {
      if (route === "image") location.hash = "#/";
      notify(error.message, 8);
    }
  }

  setUpIntake(addFiles);
  addEventListener("hashchange", showRoute);
  addEventListener("beforeunload", (event) => queue.unsent && event.preventDefault());
  await Promise.all([showRoute(), gallery.show({})]);
  if (location.hash.startsWith("#/image/")) await showRoute();
  await resumable.show();
}

start().catch(showError);
