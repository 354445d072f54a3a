// "Use this in Python / on the command line": texts that follow what a view shows.

import { file, modelPath, post } from "./api.js";
import { fill, h } from "./dom.js";
import { later, save } from "./live.js";
import { acting, button, copyable, failed } from "./ui.js";
import { t } from "./words.js";

// what: the kind of view; read(): its fields; point(fields): those of the sample that latent.json holds.
// Returns {element, changed}.
export function use(model, what, read, point = (fields) => fields) {
  const box = h("div", {});
  const show = async () => {
    if (!details.open) return;
    try {
      const fields = read();
      const found = await post(modelPath(model, `/use/${what}`), fields);
      fill(box,
        found.latent ? h("p", {}, t("use.latent"), " ", button(t("use.save"), acting(async () => save(await file(modelPath(model, "/latent"), point(fields)))), "small")) : null,
        h("small", {}, t("use.command")), copyable(found.command), h("small", {}, t("use.python")), copyable(found.python));
    } catch (error) {
      failed(error);
    }
  };
  const details = h("details", { class: "use", ontoggle: show }, h("summary", {}, t("use.title")), box);
  return { element: details, changed: later(show) };
}
