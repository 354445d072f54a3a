// The samples around the one that is seen: a click on one goes there, and the next ones are nearer.

import { modelPath, post } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { following, png } from "../lib/live.js";
import { button, failed } from "../lib/ui.js";
import { t } from "../lib/words.js";

export function around(panel, ctx) {
  const grid = h("div", { class: "tiles" });
  const back = button(t("around.back"), () => {
    ctx.place.path = ctx.place.path.slice(0, -1);
    ctx.changed();
  });
  const load = following(() => ctx.fields("around"), async (fields) => {
    back.disabled = !fields.path.length;
    const { images } = await post(modelPath(ctx.name, "/around"), fields);
    const focused = [...grid.children].indexOf(document.activeElement);
    fill(grid, images.map((image, k) => h("button", { type: "button", class: "tile", "aria-label": t("around.go", { n: k + 1 }), onclick: () => {
      ctx.place.path = [...fields.path, k];
      ctx.changed();
    } }, h("img", { src: png(image), alt: "" }))));
    grid.children[focused]?.focus();
  }, failed);
  ctx.listen(() => { if (!panel.hidden) load(); });
  fill(panel, h("p", { class: "soft" }, t("around.text")), grid, h("div", { class: "actions" }, back));
  load();
}
