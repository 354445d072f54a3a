// The styles of some layers from one sample, those of the others from another.

import { modelPath, post } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { png } from "../lib/live.js";
import { acting, button, labeled, loading, problem } from "../lib/ui.js";
import { use } from "../lib/use.js";
import { t } from "../lib/words.js";

export function mixing(panel, ctx) {
  const last = ctx.facts.explore.layers - 1;
  const numbers = (text) => text.split(/[^0-9]+/).filter(Boolean).map(Number);
  const base = h("input", { type: "text", value: "1, 2, 3", inputmode: "numeric", oninput: () => usage.changed() });
  const style = h("input", { type: "text", value: "4, 5, 6", inputmode: "numeric", oninput: () => usage.changed() });
  const [first, end] = [Math.ceil((last + 1) / 2), last].map((value) => h("input", { type: "number", min: 0, max: last, value, onchange: () => usage.changed() }));
  const read = () => {
    const { label, truncation } = ctx.conditions();
    return { base: numbers(base.value), style: numbers(style.value), layers: [Number(first.value), Number(end.value)], ...(label === undefined ? {} : { label }), ...(truncation === undefined ? {} : { truncation }) };
  };
  const result = h("div", {});
  const make = acting(async () => {
    loading(result);
    try {
      const fields = read();
      fill(result, drawn(await post(modelPath(ctx.name, "/mix"), fields), fields));
    } catch (error) {
      problem(result, error);
    }
  });
  const usage = use(ctx.name, "mix", read);
  ctx.listen(() => usage.changed());
  fill(panel, h("p", { class: "soft" }, t("mixing.text", { last })),
    h("div", { class: "fields" }, labeled(t("mixing.base"), base), labeled(t("mixing.style"), style), labeled(t("mixing.first"), first), labeled(t("mixing.last"), end)),
    button(t("mixing.go"), make, "primary"), result, usage.element);
}

function drawn(found, fields) {
  const wide = fields.style.length;
  const cell = (image, alt) => h("img", { src: png(image), alt, class: "tile" });
  return h("div", { class: "scroll" }, h("table", { class: "mixed" },
    h("thead", {}, h("tr", {}, h("td", {}), fields.style.map((seed, k) => h("th", { scope: "col" }, cell(found.style[k], t("mixing.seed", { seed })))))),
    h("tbody", {}, fields.base.map((seed, row) => h("tr", {}, h("th", { scope: "row" }, cell(found.base[row], t("mixing.seed", { seed }))),
      fields.style.map((other, k) => h("td", {}, cell(found.mixed[row * wide + k], t("mixing.of", { base: seed, style: other })))))))));
}
