// Line charts as SVG: several lines over one axis, with values at the pointer or at the arrow keys.

import { fill, h, svg, write } from "./dom.js";
import { precise, short, t } from "./words.js";

const LEFT = 46, RIGHT = 12, TOP = 10, BOTTOM = 24, TALL = 190;
const LEAST = 6; // px by which a line has to grow to be drawn again at once
const LATE = 15000; // ms after which it is drawn with the next values all the same
const LAST = 12000; // ms without new values after which it is drawn; longer than EVERY and SOON of the run's page
const MOST = 400; // points of a line that are drawn
const COLORS = 8;

// Charts on the page: those that nobody can see are drawn again when they are seen.
const charts = new Map();
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) charts.get(entry.target)?.seen(entry.isIntersecting);
}, { rootMargin: "100px" });
document.addEventListener("visibilitychange", () => {
  for (const [element, one] of charts) {
    if (element.isConnected) one.draw();
    else forget(element);
  }
});

function forget(element) {
  watcher.unobserve(element);
  charts.delete(element);
}

// options: {title, note, series(), bounds, level, across}, where series() gives [{name, points: [[x, y]], color}]
export function chart(options) {
  const figure = h("figure", { class: "chart" });
  const head = h("figcaption", {}, h("strong", {}, options.title), options.note ? h("span", {}, options.note) : null);
  const area = h("div", { class: "area" });
  const legend = h("div", { class: "legend" });
  figure.append(head, area, legend);
  const render = drawing(area, legend);
  let width = 0;
  let now = options;
  let seen = true;
  let stale = true;
  let grown = false; // nothing but more points since it was drawn
  const draw = () => {
    if (!stale || !seen || document.hidden || width <= 0) return;
    stale = false;
    render(now, width, grown);
    grown = true;
  };
  new ResizeObserver((entries) => {
    const next = Math.round(entries[0].contentRect.width);
    if (next !== width) {
      width = next;
      stale = true;
      grown = false;
      draw();
    }
  }).observe(area);
  for (const element of charts.keys()) if (!element.isConnected) forget(element);
  charts.set(figure, { draw, seen: (is) => { seen = is; draw(); } });
  watcher.observe(figure);
  return { element: figure, update: (changes) => {
    grown &&= changes.across === now.across;
    now = { ...now, ...changes };
    stale = true;
    draw();
  } };
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

// The ranges of both axes. They end at round numbers, so that they stay as they are while most points are added.
function extent(series, bounds, level) {
  const across = minmax(series, 0);
  const x = [Math.min(0, across[0]), across[1] || 1];
  x[1] = rounded(x[1], x[1] - x[0], Math.ceil);
  if (bounds) return { x, y: bounds };
  let [low, high] = minmax(series, 1);
  if (level !== undefined) [low, high] = [Math.min(low, level), Math.max(high, level)];
  const size = high - low || Math.abs(high) || 1;
  return { x, y: [low >= 0 && low < size * 0.5 ? 0 : rounded(low - size * 0.04, size, Math.floor), rounded(high + size * 0.04, size, Math.ceil)] };
}

function rounded(value, size, way) {
  const raw = size / 20;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((one) => one * power >= raw * 0.999);
  return Number((way(value / step - (way === Math.ceil ? 1e-9 : -1e-9)) * step).toPrecision(12));
}

function minmax(series, k) {
  let low = Infinity, high = -Infinity;
  for (const { points } of series) {
    for (const point of points) {
      if (point[k] < low) low = point[k];
      if (point[k] > high) high = point[k];
    }
  }
  return [low, high];
}

// Returns what draws a chart, and draws it again by changing what has changed alone: so the focus stays, and little is painted.
function drawing(area, legend) {
  const frame = svg("g");
  const lines = svg("g");
  const cross = svg("line", { class: "cross", y1: TOP, y2: TALL - BOTTOM, visibility: "hidden" });
  const plot = svg("svg", { height: TALL, role: "img", tabindex: "0" }, frame, lines, cross);
  let view = null; // what is drawn: {options, series, x, across, right}
  let framed = ""; // what the frame was drawn for
  let reached = NaN; // px where the lines end
  let drawn = 0; // ms when they were drawn
  let timer = 0;
  let place = null; // where values are read, in units of the axis

  const read = () => {
    const { series, across } = view;
    if (place === null) {
      cross.setAttribute("visibility", "hidden");
      showValues(legend, view.options, series, series.map((line) => line.points.at(-1)), null);
      return;
    }
    const found = series.map((line) => nearest(line.points, place));
    const [at] = found.reduce((best, one) => (Math.abs(one[0] - place) < Math.abs(best[0] - place) ? one : best));
    cross.setAttribute("x1", across(at));
    cross.setAttribute("x2", across(at));
    cross.setAttribute("visibility", "visible");
    showValues(legend, view.options, series, found, at);
  };
  const off = () => {
    place = null;
    read();
  };
  plot.addEventListener("pointermove", (event) => {
    const { x, right } = view;
    place = x[0] + ((event.clientX - plot.getBoundingClientRect().left - LEFT) / (right - LEFT)) * (x[1] - x[0]);
    read();
  });
  plot.addEventListener("pointerleave", off);
  plot.addEventListener("blur", off);
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const { x, last } = view;
    place = Math.min(last, Math.max(x[0], (place ?? last) + (step * (last - x[0])) / 40));
    read();
  });

  const render = (options, width, grown = false) => {
    clearTimeout(timer);
    const series = options.series().map((line, k) => ({ color: k, ...line })).filter((line) => line.points.length);
    if (!series.length) {
      [framed, view] = ["", null];
      fill(area, h("p", { class: "empty" }, t("chart.empty")));
      fill(legend);
      delete legend.dataset.of;
      return;
    }
    const last = Math.max(...series.map((line) => line.points.at(-1)[0]));
    if (grown && view && series.length === view.series.length && last <= view.x[1] && view.across(last) - reached < LEAST && performance.now() - drawn < LATE) {
      view = { ...view, options, series, last };
      timer = setTimeout(() => render(options, width), LAST);
      read();
      return;
    }
    const { x, y } = extent(series, options.bounds, options.level);
    const right = width - RIGHT, base = TALL - BOTTOM;
    const across = (value) => LEFT + ((value - x[0]) / (x[1] - x[0] || 1)) * (right - LEFT);
    const up = (value) => base - ((Math.min(Math.max(value, y[0]), y[1]) - y[0]) / (y[1] - y[0] || 1)) * (base - TOP);
    view = { options, series, x, across, right, last };
    [reached, drawn] = [across(last), performance.now()];
    const key = JSON.stringify([x, y, width, options.level, series.map((line) => line.name)]);
    if (framed !== key) {
      framed = key;
      plot.setAttribute("viewBox", `0 0 ${width} ${TALL}`);
      plot.setAttribute("width", width);
      fill(frame, axes(x, y, options, { across, up, right, width }));
    }
    series.forEach((line, k) => draw(lines, k, line, across, up));
    while (lines.childElementCount > series.length) lines.lastChild.remove();
    plot.setAttribute("aria-label", `${options.title}. ${series.map((line) => `${line.name || options.title}: ${precise(line.points.at(-1)[1])}`).join(", ")}. ${t("chart.keys")}`);
    if (plot.parentNode !== area) fill(area, plot);
    read();
  };
  return render;
}

function axes(x, y, { level }, { across, up, right, width }) {
  const parts = [];
  for (const value of ticks(...y)) {
    parts.push(svg("line", { class: "grid", x1: LEFT, x2: right, y1: up(value), y2: up(value) }));
    parts.push(svg("text", { x: LEFT - 6, y: up(value) + 4, "text-anchor": "end" }, short(value)));
  }
  for (const value of ticks(...x, width > 420 ? 6 : 4)) {
    const last = across(value) > right - 18;
    parts.push(svg("text", { x: across(value), y: TALL - 6, "text-anchor": last ? "end" : "middle" }, short(value)));
  }
  if (level !== undefined) parts.push(svg("line", { class: "level", x1: LEFT, x2: right, y1: up(level), y2: up(level) }));
  return parts;
}

// One line of a chart: the k-th group of its lines.
function draw(lines, k, line, across, up) {
  const points = thinned(line.points);
  const color = `c${line.color % COLORS}`;
  const group = lines.children[k] ?? lines.appendChild(svg("g", {}, svg("path")));
  const path = group.firstChild;
  path.setAttribute("class", `line ${color}`);
  path.setAttribute("d", points.map(([px, py], n) => `${n ? "L" : "M"}${across(px).toFixed(1)} ${up(py).toFixed(1)}`).join(""));
  const dots = points.length < 25 ? points.map(([px, py]) => svg("circle", { class: `dot ${color}`, cx: across(px), cy: up(py), r: 2.6 })) : [];
  if (dots.length || group.childElementCount > 1) fill(group, path, dots);
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
  const names = series.map((line) => [line.name, line.color]);
  const across = place === null ? options.across : `${short(place)} ${options.across}`;
  if (legend.dataset.of !== JSON.stringify(names)) {
    legend.dataset.of = JSON.stringify(names);
    fill(legend,
      series.map((line) => h("span", { class: `key c${line.color % COLORS}` }, h("i", { "aria-hidden": "true" }), line.name ? `${line.name} ` : "", h("b", {}))),
      h("span", { class: "across" }));
  }
  series.forEach((line, k) => write(legend.children[k].lastChild, precise(values[k][1])));
  write(legend.lastChild, across);
}
