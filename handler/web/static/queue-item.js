// One upload in the queue, with its state:
//
// waiting → sending → working → done | failed. A stopped or refused upload can be retried; a cancelled one cannot.

const ENDED = new Set(["done", "failed", "refused", "cancelled"]);

export class QueueItem {
  static #count = 0;
  id = (QueueItem.#count += 1);
  state = "waiting";
  sent = 0;
  /** The reason why the upload stopped or was refused, as a sentence. */
  message = "";
  /** The API's id of the upload, once it is announced. */
  upload = null;
  /** The finished image, as the API describes it. */
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
