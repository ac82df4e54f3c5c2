// The list of finished images, newest first, page by page; polls the API for new ones.

const PAGE = 48;
const MAX_PAGES = 12; // that one poll reads to reach the images that are known
// Pauses between polls in milliseconds: after news, at most during uploads, at most otherwise
const [SHORT_PAUSE, BUSY_PAUSE, IDLE_PAUSE] = [1000, 5000, 30_000];

export class Gallery {
  /** Images by id, in the order of the page. */
  images = new Map();
  filters = { status: "", format: "", text: "", since: "" };
  loaded = false;
  #removed = new Set();
  #next = null;
  #etag = null;
  #generation = 0;
  #pause = SHORT_PAUSE;
  #timer;

  /**
   * @param api api.js
   * @param queue queue.js, which marks the uploads of finished images
   * @param {{changed: (fresh: Set<string>) => void, showError: (error: Error|null) => void}} view
   */
  constructor(api, queue, view) {
    Object.assign(this, { api, queue, view });
    document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(this.#timer) : this.pollSoon()));
  }

  get more() {
    return this.#next !== null;
  }

  /** Load the list again, with other filters. */
  async show(filters) {
    this.filters = { ...this.filters, ...filters };
    this.#generation += 1;
    this.#etag = null;
    this.loaded = false;
    await this.#poll();
  }

  /** Poll soon: a picture is about to be finished. */
  pollSoon() {
    this.#pause = SHORT_PAUSE;
    this.#schedule();
  }

  async showMore() {
    const generation = this.#generation;
    const page = await this.api.images({ ...this.filters, limit: PAGE, cursor: this.#next });
    if (generation !== this.#generation) return;
    this.#next = page.next;
    for (const image of page.images) if (!this.#removed.has(image.image_id)) this.images.set(image.image_id, image);
    this.view.changed(new Set());
  }

  /** Hide an image at once; `keep` shows it again. */
  remove(id) {
    this.#removed.add(id);
    this.view.changed(new Set());
  }

  keep(id) {
    this.#removed.delete(id);
    this.view.changed(new Set());
  }

  get shown() {
    return [...this.images.values()].filter((image) => !this.#removed.has(image.image_id));
  }

  #schedule() {
    clearTimeout(this.#timer);
    if (!document.hidden) this.#timer = setTimeout(() => this.#poll(), this.#pause);
  }

  async #poll() {
    const generation = this.#generation;
    try {
      const page = await this.api.images({ ...this.filters, limit: PAGE }, this.#etag);
      if (generation !== this.#generation) return;
      const news = page ? await this.#merge(page) : 0;
      // An image may be finished before the answer to its upload has arrived
      if (!page) this.queue.markFinished([...this.images.values()]);
      if (Object.values(this.filters).some(Boolean) && this.queue.working) {
        this.queue.markFinished((await this.api.images({ upload: this.queue.awaited(100).join(","), limit: 100 })).images);
      }
      const busy = this.queue.working || this.queue.unsent;
      this.#pause = news ? SHORT_PAUSE : Math.min(this.#pause * 1.5, busy ? BUSY_PAUSE : IDLE_PAUSE);
      this.view.showError(null);
    } catch (error) {
      if (generation !== this.#generation) return;
      this.#pause = Math.min(this.#pause * 2, IDLE_PAUSE);
      this.view.showError(error);
    }
    this.#schedule();
  }

  /** Merge the newest page into the known images; returns the number of new ones. */
  async #merge(page) {
    const generation = this.#generation;
    const recent = new Map();
    let newest = page;
    for (let pages = 1; ; pages += 1) {
      for (const image of newest.images) recent.set(image.image_id, image);
      const meets = !this.loaded || newest.images.some((image) => this.images.has(image.image_id));
      if (meets || !newest.next || pages === MAX_PAGES) break;
      newest = await this.api.images({ ...this.filters, limit: PAGE, cursor: newest.next });
      if (generation !== this.#generation) return 0;
    }
    const fresh = new Set(this.loaded ? [...recent.keys()].filter((id) => !this.images.has(id)) : []);
    // A known image that is newer than the last one on this page and not on it was deleted elsewhere.
    const last = newest.next ? (newest.images.at(-1)?.committed_at ?? "") : "";
    const older = this.loaded ? [...this.images].filter(([id, image]) => !recent.has(id) && image.committed_at < last) : [];
    if (!this.loaded || !older.length) this.#next = newest.next;
    this.images = new Map([...recent, ...older]);
    this.#etag = page.etag;
    this.loaded = true;
    this.queue.markFinished([...recent.values()]);
    this.view.changed(fresh);
    return fresh.size;
  }
}
