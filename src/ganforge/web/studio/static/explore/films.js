// A film from seed to seed, to look at and to keep.

import { file, modelPath } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { save } from "../lib/live.js";
import { acting, button, labeled, loading, problem } from "../lib/ui.js";
import { use } from "../lib/use.js";
import { t } from "../lib/words.js";

export function films(panel, ctx) {
  const seeds = h("input", { type: "text", value: "1, 2, 3", inputmode: "numeric", oninput: () => usage.changed() });
  const count = h("input", { type: "number", min: 2, max: 600, value: 60, onchange: () => usage.changed() });
  const rate = h("input", { type: "number", min: 1, max: 120, value: 30, onchange: () => usage.changed() });
  const loop = h("input", { type: "checkbox", onchange: () => usage.changed() });
  const format = h("select", { onchange: () => usage.changed() }, ["gif", "mp4"].filter((one) => ctx.facts.films.includes(one)).map((one) => h("option", { value: one }, one)));
  const read = () => ({
    ...ctx.conditions(),
    seeds: seeds.value.split(/[^0-9]+/).filter(Boolean).map(Number),
    count: Number(count.value), rate: Number(rate.value), loop: loop.checked, format: format.value,
  });
  const result = h("div", {});
  const make = acting(async () => {
    loading(result, t("films.making"));
    try {
      const made = await file(modelPath(ctx.name, "/film"), read());
      const src = URL.createObjectURL(made.blob);
      const shown = made.name.endsWith(".mp4") ? h("video", { src, controls: true, loop: true, "aria-label": t("films.title") }) : h("img", { src, class: "film", alt: t("films.title") });
      fill(result, shown, h("div", { class: "actions" }, button(t("films.save", { name: made.name }), () => save(made))));
    } catch (error) {
      problem(result, error);
    }
  });
  const usage = use(ctx.name, "filmed", read);
  ctx.listen(() => usage.changed());
  fill(panel, h("div", { class: "fields" }, labeled(t("films.seeds"), seeds, t("films.seeds_help")), labeled(t("films.count"), count), labeled(t("films.rate"), rate), labeled(t("films.format"), format)),
    h("div", { class: "controls" }, h("label", {}, loop, t("films.loop")), button(t("films.make"), make, "primary")), result, usage.element);
}
