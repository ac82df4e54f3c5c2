// Statistics of the customer: images, bytes, processing time and cost, by day, format, route and failure.

import { bars, dayLabel } from "./charts.js";
import { byId, h } from "./dom.js";
import { bytes, dollars, duration, failure, format, number, percent, plural } from "./text.js";

const PERIODS = [7, 30, 90];
const DAY = 86_400_000;
const NONE = { images: 0, processed: 0, failed: 0, bytes_in: 0, bytes_out: 0, seconds: 0, usd: 0 };

export class NumbersView {
  #days = 30;
  #charts = [];
  #requests = 0;

  constructor(api) {
    this.api = api;
  }

  hide() {
    for (const chart of this.#charts.splice(0)) chart.then((removeChart) => removeChart());
  }

  async show() {
    const request = (this.#requests += 1);
    // Days are UTC, as in the API, and include today
    const first = Math.floor(Date.now() / DAY) * DAY - (this.#days - 1) * DAY;
    const numbers = await this.api.numbers(new Date(first));
    if (request !== this.#requests) return;
    const known = new Map(numbers.days.map((day) => [day.day, day]));
    const dates = Array.from({ length: this.#days }, (_, index) => new Date(first + index * DAY).toISOString().slice(0, 10));
    const days = dates.map((day) => known.get(day) ?? { ...NONE, day });
    this.hide();
    byId("numbers").replaceChildren(this.#head(), ...(numbers.total.images ? this.#panels(numbers, days) : [emptyPanel(this.#days)]));
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
    return h("div.head", {}, h("h1", { id: "numbers-title" }, "Numbers"),
      h("fieldset.segments", {}, h("legend.unseen", {}, "Period"), PERIODS.map(choice)));
  }

  #panels({ formats, routes, codes, total }, days) {
    const panel = (chart) => this.#chart(days, chart);
    return [
      tiles(total),
      h("div.panels", {},
        panel({
          title: "Pictures", broad: true, label: number, keys: [["Done", "blue"], ["Failed", "bad"]],
          series: [["bad", (day) => day.images], ["blue", (day) => day.processed]],
          sentence: (day) => plural(day.images, "picture") + (day.failed ? `, ${number(day.failed)} failed` : ""),
        }),
        panel({
          title: "Bytes in and out", label: bytes, keys: [["In", "edge"], ["Out", "good"]], beside: true,
          series: [["edge", (day) => day.bytes_in], ["good", (day) => day.bytes_out]],
          sentence: (day) => `${bytes(day.bytes_in)} in, ${bytes(day.bytes_out)} out`,
        }),
        total.usd === null
          ? panel({ title: "Processing time", label: duration, series: [["blue", (day) => day.seconds]], sentence: (day) => duration(day.seconds) })
          : panel({ title: "Cost", label: dollars, series: [["blue", (day) => day.usd ?? 0]], sentence: (day) => dollars(day.usd ?? 0) }),
        counts("By format", "Format", formats, format),
        counts("By route", "Route", routes, (name) => ({ lambda: "Lambda", batch: "Batch" })[name] ?? name),
        codes.length > 0 && failures(codes)),
    ];
  }

  /** A panel with a chart, a readout of the day under the pointer, and the same figures as a table. */
  #chart(days, { title, broad, label, keys = [], series, sentence, beside }) {
    const container = h("div.chart", { "aria-hidden": "true" });
    const legend = keys.map(([name, colour]) => h(`span.key.${colour}`, {}, name));
    const read = h("p.read", {}, legend);
    const showDay = (index) => read.replaceChildren(...(index === null ? legend : [`${dayLabel(days[index].day)}: ${sentence(days[index])}`]));
    const rows = days.toReversed().map((day) => [dayLabel(day.day), sentence(day)]);
    const chart = { days: days.map(({ day }) => day), series: series.map(([colour, pick]) => ({ colour, values: days.map(pick) })), label, beside, read: showDay };
    queueMicrotask(() => this.#charts.push(bars(container, chart)));
    return h("section.panel", { class: broad ? "panel broad" : "panel" }, h("header", {}, h("h2", {}, title), read), container,
      h("details", {}, h("summary", {}, "As a table"), table(title, ["Day", title], rows)));
  }
}

function tiles(total) {
  const difference = total.bytes_in - total.bytes_out;
  const tile = (name, value, small) => h("div.tile", {}, h("dt", {}, name), h("dd.small", {}, small), h("dd", {}, value));
  const thousand = (total.usd / total.images) * 1000;
  return h("dl.tiles", {},
    tile("Pictures", number(total.images), total.failed ? `${number(total.failed)} failed` : "None failed"),
    tile(difference >= 0 ? "Bytes saved" : "Bytes added", bytes(Math.abs(difference)), `${bytes(total.bytes_in)} in, ${bytes(total.bytes_out)} out`),
    tile("Processing time", duration(total.seconds), `${duration(total.seconds / total.images)} per picture`),
    tile("Cost", total.usd === null ? "–" : dollars(total.usd), total.usd === null ? "Unknown" : `${dollars(thousand)} per 1,000 pictures`));
}

function table(title, columns, rows) {
  return h("div.scroll", { tabindex: "0", role: "region", "aria-label": title }, h("table", {},
    h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, rows.map(([first, ...rest]) => h("tr", {}, h("th", { scope: "row" }, first), rest.map((cell) => h("td", {}, cell)))))));
}

const tablePanel = (title, columns, rows) => h("section.panel", {}, h("header", {}, h("h2", {}, title)), table(title, columns, rows));

function counts(title, first, list, label) {
  return tablePanel(title, [first, "Pictures", "In", "Out", "Time", "Cost"],
    list.map((count) => [label(count.name), number(count.images), bytes(count.bytes_in), bytes(count.bytes_out), duration(count.seconds),
      count.usd === null ? "–" : dollars(count.usd)]));
}

function failures(codes) {
  const all = codes.reduce((sum, { images }) => sum + images, 0);
  return tablePanel("Failures by reason", ["Reason", "Pictures", "Share"],
    codes.map(({ name, images }) => [failure(name)[0], number(images),
      h("meter", { min: 0, max: 1, value: images / all, "aria-label": `${failure(name)[0]}: ${percent(images / all)}` })]));
}

function emptyPanel(days) {
  return h("div.empty", {}, h("h2", {}, "No data yet"),
    h("p.quiet", {}, `No picture was finished in the last ${days} days. Savings and costs appear here once some are.`),
    h("a.button", { href: "#/" }, "Upload pictures"));
}
