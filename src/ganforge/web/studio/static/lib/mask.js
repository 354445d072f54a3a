// Painting what is to be filled in: brush, eraser, undo; by pointer, or with the arrow keys and the space bar.

import { fill, h } from "./dom.js";
import { slider } from "./models.js";
import { button } from "./ui.js";
import { t } from "./words.js";

// Returns {element, blob(), empty()} for an image that is loaded; blob() is a PNG, white where it is painted.
// changed(empty) is called after each stroke. options: {text, of}: what to do, and the image that has the size.
export function maskPainter(image, changed, { text = t("mask.text"), of = image } = {}) {
  const [width, height] = [of.naturalWidth, of.naturalHeight];
  const canvas = h("canvas", { width, height, tabindex: "0", role: "img", "aria-label": t("mask.canvas") });
  const context = canvas.getContext("2d");
  const strokes = [];
  let size = Math.max(2, Math.round(Math.max(width, height) / 12));
  let erases = false, stroke = null;
  const empty = () => !strokes.some((one) => !one.erases);
  const at = { x: width / 2, y: height / 2 };
  const draw = (target, color) => {
    target.clearRect(0, 0, width, height);
    target.lineCap = target.lineJoin = "round";
    for (const one of strokes) {
      target.globalCompositeOperation = one.erases ? "destination-out" : "source-over";
      target.strokeStyle = color;
      target.lineWidth = one.size;
      target.beginPath();
      one.points.forEach(([x, y], k) => (k ? target.lineTo(x, y) : target.moveTo(x, y)));
      if (one.points.length === 1) target.lineTo(one.points[0][0] + 0.01, one.points[0][1]);
      target.stroke();
    }
    target.globalCompositeOperation = "source-over";
  };
  const show = () => {
    draw(context, "#e0218a");
    if (document.activeElement === canvas && canvas.matches(":focus-visible")) {
      context.strokeStyle = "#ffffff";
      context.lineWidth = Math.max(1, width / 200);
      context.beginPath();
      context.arc(at.x, at.y, size / 2, 0, 7);
      context.stroke();
    }
    undo.disabled = clear.disabled = !strokes.length;
    changed(empty());
  };
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * width) / box.width, ((event.clientY - box.top) * height) / box.height];
  };
  canvas.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    stroke = { points: [place(event)], size, erases };
    strokes.push(stroke);
    show();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!stroke) return;
    stroke.points.push(place(event));
    show();
  });
  for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, () => { stroke = null; });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (step) {
      at.x = Math.min(width, Math.max(0, at.x + (step[0] * size) / 2));
      at.y = Math.min(height, Math.max(0, at.y + (step[1] * size) / 2));
    } else if (event.key === " ") strokes.push({ points: [[at.x, at.y]], size, erases });
    else if (event.key === "z" && (event.ctrlKey || event.metaKey)) strokes.pop();
    else return;
    event.preventDefault();
    show();
  });
  canvas.addEventListener("focus", () => show());
  canvas.addEventListener("blur", () => show());
  const brush = button(t("mask.brush"), () => choose(false), "small");
  const eraser = button(t("mask.erase"), () => choose(true), "small");
  const undo = button(t("mask.undo"), () => { strokes.pop(); show(); }, "small");
  const clear = button(t("mask.clear"), () => { strokes.length = 0; show(); }, "small");
  const choose = (erase) => {
    erases = erase;
    brush.setAttribute("aria-pressed", String(!erase));
    eraser.setAttribute("aria-pressed", String(erase));
  };
  choose(false);
  const wide = slider(t("mask.size"), { min: 1, max: Math.max(8, Math.round(Math.max(width, height) / 3)), step: 1, value: size, shown: (value) => `${value} px`, oninput: (value) => { size = value; } });
  const element = h("div", { class: "painter" }, h("p", { class: "soft" }, text), h("div", { class: "stack" }, image, canvas),
    h("div", { class: "choices" }, brush, eraser, undo, clear), wide.element);
  show();
  // Each pixel is either in or out: half painted ones at the rim are in.
  const blob = () => new Promise((resolve) => {
    const out = h("canvas", { width, height });
    const target = out.getContext("2d");
    draw(target, "#ffffff");
    const pixels = target.getImageData(0, 0, width, height);
    for (let k = 0; k < pixels.data.length; k += 4) {
      const value = pixels.data[k + 3] > 0 ? 255 : 0;
      pixels.data.set([value, value, value, 255], k);
    }
    target.putImageData(pixels, 0, 0);
    out.toBlob(resolve, "image/png");
  });
  return { element, blob, empty };
}

// Two images of one place, with a slider between them.
export function beforeAfter(before, after) {
  const top = h("img", { src: after, alt: t("translate.after") });
  const cut = (value) => { top.style.clipPath = `inset(0 0 0 ${value}%)`; };
  const input = h("input", { type: "range", min: 0, max: 100, value: 50, "aria-label": t("translate.slide"), oninput: (event) => cut(event.target.value) });
  cut(50);
  const under = h("img", { src: before, alt: t("translate.before") });
  const stack = fill(h("div", { class: "stack" }), under, top);
  return h("div", { class: "before-after" }, stack, input, h("div", { class: "ends" }, h("span", {}, t("translate.before")), h("span", {}, t("translate.after"))));
}
