// Points on an image and where they are to go: set with the pointer, moved with the pointer or the arrow keys.

import { fill, h, svg } from "./dom.js";
import { button } from "./ui.js";
import { t } from "./words.js";

const MOST = 16;
const FAR = 5; // px of a step with Shift
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// An image with marks over it: {element, image, draw(pairs)}, pairs of handle and target, either may be null.
export function stage(image, ...more) {
  const lines = svg("svg", { "aria-hidden": "true", preserveAspectRatio: "none" });
  const element = h("div", { class: "stack points" }, image, lines, more);
  const draw = (pairs) => {
    lines.setAttribute("viewBox", `0 0 ${image.naturalWidth || 1} ${image.naturalHeight || 1}`);
    fill(lines, pairs.filter(([from, to]) => from && to).flatMap(([[x, y], [u, v]]) => ["under", "over"].map((name) =>
      svg("line", { class: name, x1: x + 0.5, y1: y + 0.5, x2: u + 0.5, y2: v + 0.5, "vector-effect": "non-scaling-stroke" }))));
  };
  return { element, lines, draw };
}

// Puts an element over a pixel of an image.
export function put(element, [x, y], image) {
  element.style.left = `${(100 * (x + 0.5)) / image.naturalWidth}%`;
  element.style.top = `${(100 * (y + 0.5)) / image.naturalHeight}%`;
}

// Returns {element, image, pairs()}; pairs() are [[x, y], [u, v]] in px of the image that have both ends.
export function pointEditor(alt, changed) {
  const image = h("img", { alt, draggable: "false", onload: () => { clamp(); settle(); } });
  const dots = h("div", { class: "pins" });
  const { element: board, draw } = stage(image, dots);
  const said = h("p", { class: "sr", role: "status" });
  let pairs = [];
  const limit = (value, size) => Math.min(size - 1, Math.max(0, Math.round(value)));
  const inside = ([x, y]) => [limit(x, image.naturalWidth), limit(y, image.naturalHeight)];
  const clamp = () => { pairs = pairs.map((pair) => pair.map((end) => end && inside(end))); };
  const pixel = (event) => {
    const box = image.getBoundingClientRect();
    const at = (part, size) => Math.floor((part * size));
    return inside([at((event.clientX - box.left) / box.width, image.naturalWidth), at((event.clientY - box.top) / box.height, image.naturalHeight)]);
  };
  const name = (k, end) => t(`points.${end ? "target" : "handle"}`, { n: k + 1, x: pairs[k][end][0], y: pairs[k][end][1] });
  // Puts the marks that are there where their points are: an image that arrives takes none of them out of a hand.
  const settle = () => {
    for (const made of dots.children) {
      const [k, end] = made.dataset.key.split("-").map(Number);
      put(made, pairs[k][end], image);
      made.setAttribute("aria-label", name(k, end));
    }
    draw(pairs);
    changed();
  };
  const move = (k, end, to) => {
    pairs[k][end] = inside(to);
    said.textContent = name(k, end);
    settle();
  };
  const dot = (k, end) => {
    const made = h("button", { type: "button", class: `pin ${end ? "target" : "handle"}`, "data-key": `${k}-${end}`, "aria-describedby": help.id }, k + 1);
    made.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      made.setPointerCapture(event.pointerId);
      made.onpointermove = (moved) => move(k, end, pixel(moved));
    });
    for (const kind of ["pointerup", "pointercancel"]) made.addEventListener(kind, () => { made.onpointermove = null; });
    made.addEventListener("click", (event) => event.stopPropagation());
    made.addEventListener("keydown", (event) => {
      const step = STEPS[event.key];
      if (step) move(k, end, pairs[k][end].map((value, axis) => value + step[axis] * (event.shiftKey ? FAR : 1)));
      else if (event.key === "Delete" || event.key === "Backspace") remove(k);
      else return;
      event.preventDefault();
    });
    return made;
  };
  const redraw = (focus = "") => {
    fill(dots, pairs.flatMap((pair, k) => [0, 1].filter((end) => pair[end]).map((end) => dot(k, end))));
    settle();
    clear.disabled = !pairs.length;
    add.disabled = pairs.length >= MOST;
    hint.textContent = pairs.length && !pairs.at(-1)[1] ? t("points.where") : t("points.what");
    if (focus) dots.querySelector(`[data-key="${focus}"]`)?.focus();
  };
  const remove = (k) => {
    pairs.splice(k, 1);
    redraw(pairs.length ? `${Math.min(k, pairs.length - 1)}-0` : "");
    if (!pairs.length) add.focus();
  };
  board.addEventListener("click", (event) => {
    if (!image.naturalWidth) return;
    const open = pairs.at(-1);
    if (open && !open[1]) open[1] = pixel(event);
    else if (pairs.length < MOST) pairs.push([pixel(event), null]);
    redraw();
  });
  const add = button(t("points.add"), () => {
    if (!image.naturalWidth) return;
    const [width, height] = [image.naturalWidth, image.naturalHeight];
    if (pairs.length && !pairs.at(-1)[1]) pairs.at(-1)[1] = inside(pairs.at(-1)[0].map((value, axis) => value + (axis ? 0 : width / 8)));
    else pairs.push([inside([width / 2, height / 2]), inside([width / 2 + Math.max(1, width / 8), height / 2])]);
    redraw(`${pairs.length - 1}-0`);
  }, "small");
  const clear = button(t("points.clear"), () => { pairs = []; redraw(); add.focus(); }, "small");
  const hint = h("p", { class: "soft" });
  const help = h("small", { id: `points-${Date.now()}` }, t("points.keys"));
  const element = h("div", { class: "pointing" }, hint, board, h("div", { class: "choices" }, add, clear), help, said);
  hint.textContent = t("points.what");
  clear.disabled = true;
  return { element, image, pairs: () => pairs.filter(([, to]) => to) };
}
