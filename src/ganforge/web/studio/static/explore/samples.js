// Several samples of any signal: as it shows them, as the rows of a table, and as files.

import { file, modelPath, post } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { save } from "../lib/live.js";
import { conditions } from "../lib/models.js";
import { acting, button, labeled, loading, problem, table } from "../lib/ui.js";
import { use } from "../lib/use.js";
import { count, said, t } from "../lib/words.js";

const SHOWN = 100;

export function samples(facts) {
  const asked = conditions(facts, () => usage.changed(), true);
  const n = h("input", { type: "number", min: 1, max: 100000, value: facts.columns.length ? 100 : 16, onchange: () => usage.changed() });
  const seed = h("input", { type: "number", min: 0, value: 0, onchange: () => usage.changed() });
  const format = h("select", { onchange: () => usage.changed() }, facts.formats.map((one) => h("option", { value: one }, one)));
  const read = () => ({ ...asked.read(), n: Number(n.value), seed: Number(seed.value) });
  const result = h("div", { "aria-live": "polite" });
  const show = acting(async () => {
    loading(result, t("samples.making"));
    try {
      const fields = read();
      fill(result, shown(await post(modelPath(facts.name, "/show"), { ...fields, n: Math.min(SHOWN, fields.n) }), fields.n));
    } catch (error) {
      problem(result, error);
    }
  });
  const keep = acting(async () => save(await file(modelPath(facts.name, "/sample"), { ...read(), format: format.value })));
  const usage = use(facts.name, "several", () => ({ ...read(), format: format.value }));
  return [h("div", { class: "fields" }, labeled(t("samples.n"), n), labeled(t("samples.seed"), seed)), asked.element,
    h("div", { class: "controls" }, button(t("samples.show"), show, "primary"), h("label", {}, t("samples.format"), format), button(t("samples.save"), keep)), result, usage.element];
}

// Media and rows that the studio made of samples.
export function shown(found, wanted = 0) {
  return [
    wanted > found.n ? h("p", { class: "soft" }, t("samples.some", { n: count(found.n), wanted: count(wanted) })) : null,
    found.media.map((one) => medium(one)),
    found.rows.length ? table(found.rows[0], found.rows.slice(1)) : null,
    !found.media.length && !found.rows.length ? h("p", { class: "empty" }, t("samples.nothing")) : null,
  ];
}

export function medium(one, otherwise = t("explore.samples")) {
  const src = `/api/media/${one.number}`;
  const caption = said(one.caption);
  const title = caption || otherwise;
  const box = h("figure", { class: "medium" });
  if (one.type === "image/svg+xml") fill(box, h("img", { src, alt: title, class: "paper" })); // its colors are for white
  else if (one.type.startsWith("image/")) fill(box, h("img", { src, alt: title, onload: (event) => event.target.classList.toggle("crisp", event.target.naturalWidth < 800) }));
  else if (one.type.startsWith("audio/")) fill(box, h("audio", { src, controls: true, "aria-label": title }));
  else if (one.type.startsWith("video/")) fill(box, h("video", { src, controls: true, loop: true, "aria-label": title }));
  else if (one.type === "text/html") fill(box, h("iframe", { src, title, class: "report", sandbox: one.runs ? "allow-scripts" : "" }));
  else if (one.type === "text/plain") lines(box, src);
  else fill(box, h("a", { href: src, download: "sample" }, title));
  if (caption) box.append(h("figcaption", { class: "soft" }, caption));
  return box;
}

async function lines(box, src) {
  const answer = await fetch(src);
  box.prepend(h("pre", { tabindex: "0" }, await answer.text()));
}
