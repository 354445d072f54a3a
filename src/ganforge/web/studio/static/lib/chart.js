// Line charts as SVG: several lines over one axis, with values at the pointer or at the arrow keys.

import { fill, h, svg } from "./dom.js";
import { precise, short, t } from "./words.js";

const LEFT = 46, RIGHT = 12, TOP = 10, BOTTOM = 24, TALL = 190;
const MOST = 700; // points of a line that are drawn
const COLORS = 8;

// options: {title, note, series: [{name, points: [[x, y]], dots, color}], bounds, level, across}
export function chart(options) {
  const figure = h("figure", { class: "chart" });
  const head = h("figcaption", {}, h("strong", {}, options.title), options.note ? h("span", {}, options.note) : null);
  const area = h("div", { class: "area" });
  const legend = h("div", { class: "legend" });
  figure.append(head, area, legend);
  let width = 0;
  let now = options;
  const draw = () => width > 0 && render(area, legend, now, width);
  new ResizeObserver((entries) => {
    const next = Math.round(entries[0].contentRect.width);
    if (next !== width) {
      width = next;
      draw();
    }
  }).observe(area);
  return { element: figure, update: (changes) => { now = { ...now, ...changes }; draw(); } };
}

function thinned(points) {
  const every = Math.ceil(points.length / MOST);
  return every <= 1 ? points : points.filter((_, k) => k % every === 0 || k === points.length - 1);
}

export function ticks(low, high, most = 4) {
  const raw = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= raw * 0.999);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k += 1) found.push(Number((k * step).toPrecision(12)));
  return found;
}

function extent(series, bounds, level) {
  const xs = series.flatMap((line) => line.points.map(([x]) => x));
  const ys = series.flatMap((line) => line.points.map(([, y]) => y));
  if (level !== undefined) ys.push(level);
  const x = [Math.min(0, ...minmax(xs)), Math.max(...minmax(xs)) || 1];
  if (bounds) return { x, y: bounds };
  const [low, high] = minmax(ys);
  const pad = (high - low || Math.abs(high) || 1) * 0.06;
  return { x, y: [low >= 0 && low < (high - low) * 0.5 ? 0 : low - pad, high + pad] };
}

function minmax(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

function render(area, legend, options, width) {
  const series = options.series.map((line, k) => ({ color: k, ...line, points: line.points.filter(([x, y]) => x !== null && y !== null && Number.isFinite(y)) }))
    .filter((line) => line.points.length);
  if (!series.length) {
    fill(area, h("p", { class: "empty" }, t("chart.empty")));
    fill(legend);
    return;
  }
  const { x, y } = extent(series, options.bounds, options.level);
  const right = width - RIGHT, base = TALL - BOTTOM;
  const across = (value) => LEFT + ((value - x[0]) / (x[1] - x[0] || 1)) * (right - LEFT);
  const up = (value) => base - ((Math.min(Math.max(value, y[0]), y[1]) - y[0]) / (y[1] - y[0] || 1)) * (base - TOP);
  const parts = [];
  for (const value of ticks(...y)) {
    parts.push(svg("line", { class: "grid", x1: LEFT, x2: right, y1: up(value), y2: up(value) }));
    parts.push(svg("text", { x: LEFT - 6, y: up(value) + 4, "text-anchor": "end" }, short(value)));
  }
  const marks = ticks(...x, width > 420 ? 6 : 4);
  for (const value of marks) {
    const last = across(value) > right - 18;
    parts.push(svg("text", { x: across(value), y: TALL - 6, "text-anchor": last ? "end" : "middle" }, short(value)));
  }
  if (options.level !== undefined) parts.push(svg("line", { class: "level", x1: LEFT, x2: right, y1: up(options.level), y2: up(options.level) }));
  for (const line of series) {
    const points = thinned(line.points);
    const path = points.map(([px, py], k) => `${k ? "L" : "M"}${across(px).toFixed(1)} ${up(py).toFixed(1)}`).join("");
    parts.push(svg("path", { class: `line c${line.color % COLORS}`, d: path }));
    if (points.length < 25) for (const [px, py] of points) parts.push(svg("circle", { class: `dot c${line.color % COLORS}`, cx: across(px), cy: up(py), r: 2.6 }));
  }
  const cross = svg("line", { class: "cross", y1: TOP, y2: base, visibility: "hidden" });
  const label = `${options.title}. ${series.map((line) => `${line.name || options.title}: ${precise(line.points.at(-1)[1])}`).join(", ")}. ${t("chart.keys")}`;
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${TALL}`, width, height: TALL, role: "img", tabindex: "0", "aria-label": label }, parts, cross);
  fill(area, drawing);
  const base_legend = () => showValues(legend, options, series, series.map((line) => line.points.at(-1)), null);
  base_legend();
  const at = (value) => {
    const found = series.map((line) => nearest(line.points, value));
    const place = found.reduce((best, one) => (Math.abs(one[0] - value) < Math.abs(best[0] - value) ? one : best))[0];
    cross.setAttribute("x1", across(place));
    cross.setAttribute("x2", across(place));
    cross.setAttribute("visibility", "visible");
    showValues(legend, options, series, found, place);
    return place;
  };
  const off = () => {
    cross.setAttribute("visibility", "hidden");
    base_legend();
  };
  drawing.addEventListener("pointermove", (event) => {
    const box = drawing.getBoundingClientRect();
    at(x[0] + ((event.clientX - box.left - LEFT) / (right - LEFT)) * (x[1] - x[0]));
  });
  drawing.addEventListener("pointerleave", off);
  drawing.addEventListener("blur", off);
  let place = x[1];
  drawing.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    place = Math.min(x[1], Math.max(x[0], place + (step * (x[1] - x[0])) / 40));
    at(place);
  });
}

function nearest(points, value) {
  let low = 0, high = points.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < value) low = middle + 1;
    else high = middle;
  }
  return low > 0 && value - points[low - 1][0] < points[low][0] - value ? points[low - 1] : points[low];
}

function showValues(legend, options, series, values, place) {
  fill(legend,
    series.map((line, k) => h("span", { class: `key c${line.color % COLORS}` }, h("i", { "aria-hidden": "true" }), line.name ? `${line.name} ` : "", h("b", {}, precise(values[k][1])))),
    h("span", { class: "across" }, place === null ? options.across : `${short(place)} ${options.across}`));
}
