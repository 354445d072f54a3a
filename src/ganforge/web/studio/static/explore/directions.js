// Directions along which samples change most, each as a slider.

import { file, modelPath, post } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { save } from "../lib/live.js";
import { slider } from "../lib/models.js";
import { acting, button, labeled, loading, problem } from "../lib/ui.js";
import { use } from "../lib/use.js";
import { precise, t } from "../lib/words.js";

const METHODS = ["sefa", "pca", "jacobian"];

export function directions(panel, ctx) {
  const method = h("select", { onchange: () => load() }, METHODS.map((one) => h("option", { value: one }, t(`directions.${one}`))));
  const list = h("div", {});
  const load = async () => {
    const chosen = method.value;
    loading(list, t("directions.seeking"));
    try {
      const found = await post(modelPath(ctx.name, "/directions"), { method: chosen });
      if (method.value === chosen) fill(list, sliders(found));
    } catch (error) {
      problem(list, error);
    }
  };
  const shown = h("div", {});
  // From −3 to 3 standard deviations and back, of the sample of the seed.
  const film = async (along) => {
    loading(shown, t("films.making"));
    try {
      const fields = { ...ctx.conditions(), seeds: [ctx.place.seed], count: 48, loop: true, along };
      const made = await file(modelPath(ctx.name, "/film"), fields);
      const usage = use(ctx.name, "filmed", () => fields);
      fill(shown, h("img", { src: URL.createObjectURL(made.blob), class: "film", alt: t("directions.film_of", { name: along.name }) }), button(t("films.save", { name: made.name }), () => save(made)), usage.element);
    } catch (error) {
      problem(shown, error);
    }
  };
  const sliders = (found) => {
    const all = found.directions.map((one) => {
      const key = `${found.method}:${one.name}`;
      const made = slider(t("directions.name", { name: one.name }), { min: -4, max: 4, step: 0.1, value: ctx.place.moves.get(key) ?? 0, shown: (value) => `${precise(value)} σ`, oninput: (value) => {
        ctx.place.moves.set(key, value);
        ctx.changed();
      } });
      const walk = button(t("directions.film"), acting(() => film({ method: found.method, name: one.name, amount: 3 })), "small");
      walk.setAttribute("aria-label", t("directions.film_of", { name: one.name }));
      made.element.append(h("small", {}, t("directions.strength", { n: (one.moves / Math.max(found.random, 1e-9)).toFixed(1) })), walk);
      return made;
    });
    ctx.listen(() => all.forEach((one, k) => one.set(ctx.place.moves.get(`${found.method}:${found.directions[k].name}`) ?? 0)));
    const zero = button(t("directions.zero"), () => {
      for (const [key] of ctx.place.moves) ctx.place.moves.set(key, 0);
      for (const one of all) one.set(0);
      ctx.changed();
    }, "small");
    return [h("div", { class: "sliders two" }, all.map((one) => one.element)),
      h("div", { class: "actions" }, zero, h("a", { class: "button small", href: modelPath(ctx.name, `/directions/${found.method}`), download: "directions.json" }, t("directions.file")))];
  };
  fill(panel, h("p", { class: "soft" }, t("directions.text")), labeled(t("directions.method"), method), list, shown);
  load();
}
