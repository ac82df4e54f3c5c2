// Bar charts per day with uPlot, which is loaded with the first chart. Screen readers cannot read a canvas, so callers
// show the same numbers as a table.

import { h } from "./dom.js";

const HEIGHT = 208; // CSS pixels, as in numbers.css
const day = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", timeZone: "UTC" });

export const dayLabel = (date) => day.format(new Date(date));

let library;

function load() {
  library ??= new Promise((resolve, reject) => {
    document.head.append(
      h("link", { rel: "stylesheet", href: "/static/vendor/uplot/uPlot.min.css" }),
      h("script", { src: "/static/vendor/uplot/uPlot.iife.min.js", onload: () => resolve(window.uPlot), onerror: reject }),
    );
  });
  return library;
}

/** The current value of a CSS colour variable; a canvas does not follow the theme by itself. */
function colour(name) {
  const sample = h("i");
  sample.style.color = `var(--${name})`;
  document.body.append(sample);
  const { color } = getComputedStyle(sample);
  sample.remove();
  return color;
}

/**
 * One bar for each day: the series overlap, the first and tallest behind; or, with `beside`, two stand side by side.
 * @param {HTMLElement} container
 * @param {{days: string[], series: {colour: string, values: number[]}[], label: (value: number) => string, beside?: boolean, read: (index: number|null) => void}} chart
 * @returns {Promise<() => void>} removes the chart
 */
export async function bars(container, { days, series, label, beside, read }) {
  const UPlot = await load();
  const data = [days.map((date) => Date.parse(date) / 1000), ...series.map(({ values }) => values)];
  let plot;
  const draw = () => {
    plot?.destroy();
    const [quiet, line] = [colour("quiet"), colour("line")];
    const font = `12px ${getComputedStyle(container).fontFamily}`;
    const shape = (index) => UPlot.paths.bars(beside ? { size: [0.36, 22], radius: 0.25, align: index ? 1 : -1, gap: 1 } : { size: [0.68, 44], radius: 0.18 });
    const axis = { stroke: quiet, font, ticks: { show: false } };
    plot = new UPlot(
      {
        width: container.clientWidth,
        height: HEIGHT,
        tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
        padding: [8, 16, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { show: false }, drag: { setScale: false, x: false, y: false } },
        scales: {
          x: { range: () => [data[0][0] - 43_200, data[0].at(-1) + 43_200] },
          y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.08 : 1] },
        },
        axes: [
          { ...axis, grid: { show: false }, gap: 6, size: 28, incrs: [86_400, 2 * 86_400, 7 * 86_400, 14 * 86_400, 28 * 86_400], values: (_plot, ticks) => ticks.map((tick) => day.format(tick * 1000)), space: 64 },
          { ...axis, grid: { stroke: line, width: 1 }, size: 64, gap: 8, space: 40, values: (_plot, ticks) => ticks.map((tick) => (tick ? label(tick) : "0")) },
        ],
        series: [{}, ...series.map(({ colour: name }, index) => ({ fill: colour(name), width: 0, paths: shape(index), points: { show: false } }))],
        hooks: { setCursor: [({ cursor }) => read(cursor.idx ?? null)] },
      },
      data,
      container,
    );
  };
  draw();
  const resized = new ResizeObserver(() => plot.width !== container.clientWidth && plot.setSize({ width: container.clientWidth, height: HEIGHT }));
  resized.observe(container);
  document.documentElement.addEventListener("themechange", draw);
  return () => {
    resized.disconnect();
    document.documentElement.removeEventListener("themechange", draw);
    plot.destroy();
  };
}
