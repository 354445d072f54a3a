// The training samples that the sample which is seen is nearest to.

import { modelPath, post } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { png } from "../lib/live.js";
import { acting, button, loading, problem } from "../lib/ui.js";
import { use } from "../lib/use.js";
import { count, percent, short, t } from "../lib/words.js";

export function neighbors(panel, ctx) {
  const result = h("div", {});
  const seek = acting(async () => {
    loading(result, t("neighbors.seeking"));
    try {
      fill(result, shown(await post(modelPath(ctx.name, "/neighbors"), ctx.fields("neighbors"))));
    } catch (error) {
      problem(result, error);
    }
  });
  const usage = use(ctx.name, "near", () => ctx.fields(), (fields) => ({ ...fields, whole: true }));
  ctx.listen(() => usage.changed());
  fill(panel, h("p", { class: "soft" }, t("neighbors.text")), button(t("neighbors.go"), seek, "primary"), result, usage.element);
}

function shown(found) {
  return found.near.map((near) => [
    h("div", { class: "tiles" },
      h("figure", {}, h("img", { src: png(found.seen), alt: t("neighbors.seen"), class: "tile" }), h("figcaption", {}, t("neighbors.seen"))),
      near.samples.map((one) => h("figure", {}, h("img", { src: png(one.shown), alt: one.name, class: "tile" }), h("figcaption", {}, `${one.name}, ${short(one.distance)}`)))),
    h("p", {}, t("neighbors.farther", { share: percent(near.farther), n: count(found.of) })),
  ]);
}
