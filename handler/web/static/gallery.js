// The pictures that came out, newest first, as far as they were asked for; and the looking for new ones.

const PAGE = 48;
const MOST_PAGES = 12; // that one look follows to close the gap to what it knows
const SOON = 1000;
const [PATIENT, LAZY] = [5000, 30_000];

export class Gallery {
  /** By id, in the order that they are shown in. */
  images = new Map();
  filters = { status: "", format: "", text: "", since: "" };
  loaded = false;
  #removed = new Set();
  #next = null;
  #etag = null;
  #generation = 0;
  #pause = SOON;
  #timer;

  /**
   * @param api api.js
   * @param queue queue.js, which hears of all that came out
   * @param {{changed: (fresh: Set<string>) => void, trouble: (error: Error|null) => void}} view
   */
  constructor(api, queue, view) {
    Object.assign(this, { api, queue, view });
    document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(this.#timer) : this.hurry()));
  }

  get more() {
    return this.#next !== null;
  }

  /** Begin anew with other filters. */
  async show(filters) {
    this.filters = { ...this.filters, ...filters };
    this.#generation += 1;
    this.#etag = null;
    this.loaded = false;
    await this.#look();
  }

  /** Something is about to come out: look soon. */
  hurry() {
    this.#pause = SOON;
    this.#wait();
  }

  async showMore() {
    const generation = this.#generation;
    const page = await this.api.images({ ...this.filters, limit: PAGE, cursor: this.#next });
    if (generation !== this.#generation) return;
    this.#next = page.next;
    for (const image of page.images) if (!this.#removed.has(image.image_id)) this.images.set(image.image_id, image);
    this.view.changed(new Set());
  }

  /** Out of sight at once; `keep` brings it back. */
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

  #wait() {
    clearTimeout(this.#timer);
    if (!document.hidden) this.#timer = setTimeout(() => this.#look(), this.#pause);
  }

  async #look() {
    const generation = this.#generation;
    try {
      const page = await this.api.images({ ...this.filters, limit: PAGE }, this.#etag);
      if (generation !== this.#generation) return;
      const news = page ? await this.#merge(page) : 0;
      // What has come out may be here before the answer to its upload is
      if (!page) this.queue.arrived([...this.images.values()]);
      if (Object.values(this.filters).some(Boolean) && this.queue.working) {
        this.queue.arrived((await this.api.images({ upload: this.queue.awaited(100).join(","), limit: 100 })).images);
      }
      const busy = this.queue.working || this.queue.unsent;
      this.#pause = news ? SOON : Math.min(this.#pause * 1.5, busy ? PATIENT : LAZY);
      this.view.trouble(null);
    } catch (error) {
      if (generation !== this.#generation) return;
      this.#pause = Math.min(this.#pause * 2, LAZY);
      this.view.trouble(error);
    }
    this.#wait();
  }

  /** Lay the newest page over what is known; returns how many are new. */
  async #merge(page) {
    const generation = this.#generation;
    const found = new Map();
    let newest = page;
    for (let pages = 1; ; pages += 1) {
      for (const image of newest.images) found.set(image.image_id, image);
      const meets = !this.loaded || newest.images.some((image) => this.images.has(image.image_id));
      if (meets || !newest.next || pages === MOST_PAGES) break;
      newest = await this.api.images({ ...this.filters, limit: PAGE, cursor: newest.next });
      if (generation !== this.#generation) return 0;
    }
    const fresh = new Set(this.loaded ? [...found.keys()].filter((id) => !this.images.has(id)) : []);
    // What is newer than the last one found, and was not found, was deleted elsewhere.
    const last = newest.next ? (newest.images.at(-1)?.committed_at ?? "") : "";
    const older = this.loaded ? [...this.images].filter(([id, image]) => !found.has(id) && image.committed_at < last) : [];
    if (!this.loaded || !older.length) this.#next = newest.next;
    this.images = new Map([...found, ...older]);
    this.#etag = page.etag;
    this.loaded = true;
    this.queue.arrived([...found.values()]);
    this.view.changed(fresh);
    return fresh.size;
  }
}
