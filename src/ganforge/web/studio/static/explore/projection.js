// The latent of an image, from which everything else on the page goes on.

import { modelPath, upload } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { dropZone } from "../lib/drop.js";
import { png } from "../lib/live.js";
import { button, labeled, loading, problem } from "../lib/ui.js";
import { use } from "../lib/use.js";
import { short, t } from "../lib/words.js";

export function projection(panel, ctx) {
  const steps = h("input", { type: "number", min: 1, max: 2000, value: 200, onchange: () => usage.changed() });
  const bound = h("input", { type: "checkbox", onchange: () => usage.changed() });
  const own = h("input", { type: "checkbox", onchange: () => usage.changed() });
  const read = () => {
    const { label } = ctx.conditions();
    return { steps: Number(steps.value), ...(bound.checked ? { bound: 1 } : {}), ...(own.checked && label !== undefined ? { label } : {}) };
  };
  const result = h("div", {});
  const send = async (image) => {
    loading(result, t("projection.seeking"));
    const form = new FormData();
    form.append("ask", JSON.stringify(read()));
    form.append("file", image, image.name || "image.png");
    try {
      fill(result, shown(await upload(`/api/uploads/project/${encodeURIComponent(ctx.name)}`, form), ctx));
    } catch (error) {
      problem(result, error, () => send(image));
    }
  };
  const zone = dropZone({ onfiles: ([image]) => send(image) });
  const usage = use(ctx.name, "project", read);
  ctx.listen(() => usage.changed());
  fill(panel, h("p", { class: "soft" }, t("projection.text")), zone.element,
    h("div", { class: "fields" }, labeled(t("projection.steps"), steps)),
    h("div", { class: "controls" }, h("label", {}, bound, t("projection.bound")), ctx.facts.labels.length ? h("label", {}, own, t("projection.own")) : null), result, usage.element);
}

function shown(found, ctx) {
  const go = button(t("projection.go"), () => {
    Object.assign(ctx.place, { projected: found.projected, from: "projection", path: [] });
    ctx.changed();
  }, "primary");
  return [h("div", { class: "tiles" },
    h("figure", {}, h("img", { src: png(found.given), alt: t("projection.given"), class: "tile" }), h("figcaption", {}, t("projection.given"))),
    h("figure", {}, h("img", { src: png(found.made), alt: t("projection.made"), class: "tile" }), h("figcaption", {}, t("projection.made")))),
  h("p", {}, t("projection.psnr", { after: found.after.toFixed(1), before: found.before.toFixed(1), spread: short(found.spread) })),
  found.spread > 1.3 ? h("p", { class: "soft" }, t("projection.far")) : null, go];
}
