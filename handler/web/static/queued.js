// One file in the queue.
//
// waiting → sending → working → done | failed      stopped and refused can be tried again; cancelled is the end

const ENDED = new Set(["done", "failed", "refused", "cancelled"]);

export class Upload {
  static #count = 0;
  id = (Upload.#count += 1);
  state = "waiting";
  sent = 0;
  /** Why it stopped or was refused, in a sentence. */
  words = "";
  /** The store's own id of it, known once the API gave a form. */
  upload = null;
  /** What came out, as the gallery has it. */
  image = null;
  workingSince = 0;
  controller = new AbortController();

  constructor(file, pipeline) {
    this.file = file;
    this.pipeline = pipeline;
    this.name = file.name;
    this.size = file.size;
  }

  get ended() {
    return ENDED.has(this.state);
  }
}
