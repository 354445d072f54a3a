// Points of the sample that are dragged to other places; the rest follows as the model has learned it.

import { file, modelPath, upload } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { following, later, png, save, showBlob } from "../lib/live.js";
import { maskPainter } from "../lib/mask.js";
import { pointEditor, put, stage } from "../lib/points.js";
import { acting, button, failed, labeled, loading, problem } from "../lib/ui.js";
import { use } from "../lib/use.js";
import { short, t } from "../lib/words.js";

const SPEED = 90; // ms a frame

export function dragging(panel, ctx) {
  const editor = pointEditor(t("dragging.alt"), () => {
    go.disabled = !editor.pairs().length;
    usage.changed();
  });
  const steps = h("input", { type: "number", min: 1, max: 1000, value: 200, onchange: () => usage.changed() });
  const result = h("div", { "aria-live": "polite" });
  let painter = null;
  const read = () => ({
    ...ctx.fields(), steps: Number(steps.value), mask: Boolean(painter && !painter.empty()),
    pulls: editor.pairs().map(([handle, target]) => ({ handle, target })),
  });
  const run = acting(async () => {
    loading(result, t("dragging.moving"));
    const fields = read();
    const form = new FormData();
    form.append("ask", JSON.stringify(fields));
    if (fields.mask) form.append("mask", await painter.blob(), "mask.png");
    try {
      fill(result, dragged(await upload(`/api/uploads/drag/${encodeURIComponent(ctx.name)}`, form), fields, ctx));
    } catch (error) {
      problem(result, error);
    }
  });
  const go = button(t("dragging.go"), run, "primary");
  const usage = use(ctx.name, "drag", read, ({ pulls, steps: most, mask, ...fields }) => ({ ...fields, whole: true }));
  const box = h("div", { class: "pixels" });
  const part = h("details", { ontoggle: () => paint() }, h("summary", {}, t("dragging.part")), box);
  // The mask is of the sample that is seen, so that another sample begins with an empty one.
  const paint = () => {
    painter = null;
    fill(box);
    if (!part.open || !editor.image.naturalWidth) return;
    painter = maskPainter(h("img", { src: editor.image.src, alt: t("dragging.alt"), width: editor.image.naturalWidth }), later(() => usage.changed()), { text: t("dragging.part_text"), of: editor.image });
    fill(box, painter.element);
  };
  const load = following(() => ctx.fields("drag"), async (fields) => {
    const { blob } = await file(modelPath(ctx.name, "/view"), fields);
    await showBlob(editor.image, blob);
    paint();
  }, failed);
  ctx.listen(() => { if (!panel.hidden) load(); });
  go.disabled = true;
  fill(panel, h("p", { class: "soft" }, t("dragging.text")), h("div", { class: "translating" },
    h("div", {}, editor.element, h("div", { class: "fields" }, labeled(t("dragging.steps"), steps)), h("div", { class: "actions" }, go), part), result), usage.element);
  load();
}

// The frames on the way, with the points where they were, and what is left of the way.
function dragged(found, fields, ctx) {
  const image = h("img", { alt: t("dragging.result") });
  const marks = h("div", { class: "pins" });
  const { element, draw } = stage(image, marks);
  const targets = fields.pulls.map((one) => one.target);
  const show = (k) => {
    image.src = png(found.frames[k].shown);
    image.decode().then(() => {
      const pairs = found.frames[k].handles.map((at, n) => [at, targets[n]]);
      draw(pairs);
      fill(marks, pairs.flatMap((pair, n) => pair.map((at, end) => {
        const dot = h("span", { class: `pin ${end ? "target" : "handle"}` }, n + 1);
        put(dot, at, image);
        return dot;
      })));
    }, () => {}); // the next frame has taken its place
    slider.value = k;
    slider.setAttribute("aria-valuetext", t("dragging.frame", { n: k + 1, of: found.frames.length }));
  };
  const last = found.frames.length - 1;
  const slider = h("input", { type: "range", min: 0, max: last, step: 1, value: 0, "aria-label": t("dragging.frames"), oninput: () => { stop(); show(Number(slider.value)); } });
  let timer = 0;
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    play.textContent = t("player.play");
  };
  const start = () => {
    let k = Number(slider.value) >= last ? 0 : Number(slider.value);
    play.textContent = t("player.pause");
    show(k);
    timer = setInterval(() => {
      k += 1;
      if (!element.isConnected || k > last) stop();
      else show(k);
    }, SPEED);
  };
  const play = button(t("player.play"), () => (timer ? stop() : start()), "small");
  play.disabled = slider.disabled = last < 1;
  const go = button(t("dragging.explore"), () => {
    Object.assign(ctx.place, { projected: found.projected, from: "dragging", path: [] });
    for (const [key] of ctx.place.moves) ctx.place.moves.set(key, 0); // they are in it
    ctx.changed();
  }, "primary");
  const film = acting(async () => save({ blob: await (await fetch(`/api/media/${found.clip}`)).blob(), name: "drag.gif" }));
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) show(last);
  else setTimeout(start);
  return h("div", {}, element, h("div", { class: "frames" }, play, slider),
    h("ul", {}, found.left.map((left, n) => h("li", {}, t("dragging.left", { n: n + 1, left: short(left) })))),
    h("p", { class: "soft" }, t(`dragging.${found.steps < fields.steps ? "arrived" : "stopped"}`, { n: found.steps })),
    h("div", { class: "actions" }, go, button(t("dragging.film"), film)));
}
