// The numbers: what came, what it saved, what it cost; by day, by format, by failure.

import { bars, dayWords } from "./charts.js";
import { find, h } from "./dom.js";
import { bytes, dollars, duration, failure, number, percent, plural } from "./words.js";

const PERIODS = [7, 30, 90];

export class Numbers {
  #days = 30;
  #charts = [];
  #asked = 0;

  constructor(api) {
    this.api = api;
  }

  hide() {
    for (const chart of this.#charts.splice(0)) chart.then((takeAway) => takeAway());
  }

  async show() {
    const asked = (this.#asked += 1);
    const numbers = await this.api.numbers(this.#days);
    if (asked !== this.#asked) return;
    this.hide();
    const { total } = numbers;
    find("numbers").replaceChildren(this.#head(), ...(total.processed + total.failed ? this.#panels(numbers) : [nothing(this.#days)]));
  }

  #head() {
    const choice = (days) =>
      h("label", {}, h("input", {
        type: "radio", name: "period", value: days, checked: days === this.#days,
        onchange: async () => {
          this.#days = days;
          await this.show();
          document.querySelector("input[name=period]:checked").focus();
        },
      }), `${days} days`);
    return h("div.head", {}, h("h1", { id: "numbers-title" }, "The numbers"),
      h("fieldset.segments", {}, h("legend.unseen", {}, "Period"), PERIODS.map(choice)));
  }

  #panels({ days, formats, codes, total }) {
    const dates = days.map((one) => one.day);
    const chart = (title, series, words, sentence, broad, keys) => {
      const place = h("div.chart", { "aria-hidden": "true" });
      const read = h("p.read");
      const say = (index) => read.replaceChildren(...(index === null ? (keys ?? []) : [`${dayWords(dates[index])}: ${sentence(days[index])}`]));
      say(null);
      const table = h("details", {}, h("summary", {}, "As a table"), h("div.scroll", { tabindex: "0", role: "region", "aria-label": `${title}, as a table` }, h("table", {},
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Day"), h("th", { scope: "col" }, title))),
        h("tbody", {}, days.toReversed().map((one) => h("tr", {}, h("th", { scope: "row" }, dayWords(one.day)), h("td", {}, sentence(one))))))));
      queueMicrotask(() => this.#charts.push(bars(place, { days: dates, series, words, read: say })));
      return h("section.panel", { class: broad ? "panel broad" : "panel" }, h("header", {}, h("h2", {}, title), read), place, table);
    };
    const values = (pick) => days.map(pick);
    const keys = [h("span.key", {}, "Done"), h("span.key.bad", {}, "Failed")];
    return [
      tiles(total),
      h("div.panels", {},
        chart("Pictures", [{ colour: "bad", values: values((d) => d.processed + d.failed) }, { colour: "blue", values: values((d) => d.processed) }],
          number, (d) => plural(d.processed + d.failed, "picture") + (d.failed ? `, ${d.failed} failed` : ""), true, keys),
        chart("Bytes saved", [{ colour: "good", values: values((d) => Math.max(0, d.saved)) }], bytes, (d) => bytes(d.saved)),
        chart("Cost", [{ colour: "blue", values: values((d) => d.dollars) }], dollars, (d) => dollars(d.dollars)),
        formatTable(formats), codes.length > 0 && codeTable(codes)),
    ];
  }
}

function tiles(total) {
  const count = total.processed + total.failed;
  const tile = (name, value, small) => h("div.tile", {}, h("dt", {}, name), h("dd.small", {}, small), h("dd", {}, value));
  return h("dl.tiles", {},
    tile("Pictures", number(count), total.failed ? `${number(total.failed)} of them failed` : "None of them failed"),
    tile("Bytes saved", bytes(total.saved), total.bytes ? `of ${bytes(total.bytes)} that came in` : ""),
    tile("Time at work", duration(total.seconds), count ? `${duration(total.seconds / count)} a picture` : ""),
    tile("Cost", dollars(total.dollars), count ? `${dollars((total.dollars / count) * 1000)} for a thousand` : ""));
}

function table(title, columns, rows) {
  return h("section.panel", {}, h("header", {}, h("h2", {}, title)),
    h("div.scroll", { tabindex: "0", role: "region", "aria-label": title }, h("table", {},
      h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, rows.map(([first, ...rest]) => h("tr", {}, h("th", { scope: "row" }, first), rest.map((cell) => h("td", {}, cell))))))));
}

function formatTable(formats) {
  return table("By format", ["Format", "Pictures", "Came in", "Saved", "Cost"],
    formats.map((one) => [one.format?.toUpperCase() ?? "Unknown", number(one.processed + one.failed), bytes(one.bytes),
      one.bytes ? `${bytes(one.saved)} · ${percent(one.saved / one.bytes)}` : "", dollars(one.dollars)]));
}

function codeTable(codes) {
  const all = codes.reduce((sum, one) => sum + one.images, 0);
  return table("Why they failed", ["What happened", "Pictures", "Share"],
    codes.map((one) => [failure(one.code)[0], number(one.images),
      h("meter", { min: 0, max: 1, value: one.images / all, "aria-label": percent(one.images / all) })]));
}

function nothing(days) {
  return h("div.empty", {}, h("h2", {}, "Nothing to count yet"),
    h("p.quiet", {}, `No picture came in the last ${days} days. Once some have, this is where you see what they saved and what they cost.`),
    h("a.button", { href: "#/" }, "Drop some pictures"));
}
