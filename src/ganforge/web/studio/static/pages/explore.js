// What a model has learned: one sample that follows sliders, what is around it, films, directions, mixtures, projections,
// dragged points and neighbors; and many samples of any signal.

import { file, modelPath } from "../lib/api.js";
import { fill, h, id } from "../lib/dom.js";
import { later, newest, save, showBlob } from "../lib/live.js";
import { chooser, conditions, slider } from "../lib/models.js";
import { acting, button, failed, link, tabs } from "../lib/ui.js";
import { use } from "../lib/use.js";
import { percent, said, t } from "../lib/words.js";
import { around } from "../explore/around.js";
import { directions } from "../explore/directions.js";
import { dragging } from "../explore/dragging.js";
import { fileUse } from "../explore/file_use.js";
import { films } from "../explore/films.js";
import { mixing } from "../explore/mixing.js";
import { neighbors } from "../explore/neighbors.js";
import { projection } from "../explore/projection.js";
import { samples } from "../explore/samples.js";

export default { name: "explore", nav: true, show };

const SEEDS = 999;
const SLOW = 1500; // ms

async function show(root, parts, query, here) {
  await chooser(root, "explore", query, here, (facts, body) => {
    if (!facts.can.sample) {
      fill(body, h("div", { class: "note" }, h("p", {}, t("explore.translator")), link(t("nav.translate"), `#/translate?model=${encodeURIComponent(facts.name)}`, "button")));
      return;
    }
    const many = { name: "samples", text: t("explore.samples"), make: (panel) => fill(panel, samples(facts)) };
    if (facts.explore.frames && !facts.columns.length) fill(body, explorer(facts, many, query.get("tab")));
    else if (facts.explore.file) fill(body, tabs([many, { name: "file", text: said(facts.explore.file.title), make: (panel) => { fileUse(panel, facts); } }], query.get("tab") ?? "samples"));
    else fill(body, fill(h("div", { class: "card" }), samples(facts)));
  });
}

function explorer(facts, many, chosen) {
  const place = { seed: 0, to: 1, share: 0, path: [], projected: null, from: "", moves: new Map() };
  const listeners = new Set();
  const asked = conditions(facts, () => ctx.changed());
  const ctx = {
    facts, place, name: facts.name, view: id(`view-${Date.now()}`),
    conditions: () => asked.read(),
    // The fields of a request for the sample that is seen.
    fields: (part = "") => {
      const moves = [...place.moves.entries()].filter(([, amount]) => amount !== 0).map(([key, amount]) => ({ method: key.split(":")[0], name: key.split(":")[1], amount }));
      const ends = place.projected === null && place.share > 0 ? { to: place.to, share: place.share } : {};
      return { ...asked.read(), seed: place.seed, ...ends, path: place.path, projected: place.projected, moves, ...(part ? { view: `${ctx.view}-${part}` } : {}) };
    },
    listen: (listener) => listeners.add(listener),
    changed: () => {
      draw();
      usage.changed();
      rest();
    },
  };
  const rest = later(() => { for (const listener of listeners) listener(); });
  const image = h("img", { class: "sample", alt: t("explore.alt", { name: facts.name }) });
  const status = h("p", { class: "soft", role: "status" });
  const draw = newest(async () => {
    const fields = ctx.fields("main");
    const slow = setTimeout(() => { status.textContent = t("explore.slow"); }, SLOW); // the model had left memory
    const { blob } = await file(modelPath(facts.name, "/view"), fields).finally(() => clearTimeout(slow));
    await showBlob(image, blob);
    image.dataset.shown = JSON.stringify([fields.seed, fields.share ?? 0]);
    status.textContent = "";
  }, (error) => { status.textContent = error.message; if (!("status" in error)) failed(error); });
  const usage = use(facts.name, "place", () => ctx.fields());
  const element = h("div", { class: "explorer" },
    h("div", { class: "card seen-sample" }, image, status, downloads(ctx)),
    h("div", { class: "card" }, seeds(ctx), asked.element, usage.element),
    h("div", { class: "whole" }, tabs([
      { name: "around", text: t("explore.around"), make: (panel) => around(panel, ctx) },
      { name: "films", text: t("explore.films"), make: (panel) => films(panel, ctx) },
      facts.explore.directions ? { name: "directions", text: t("explore.directions"), make: (panel) => directions(panel, ctx) } : null,
      facts.explore.layers ? { name: "mixing", text: t("explore.mixing"), make: (panel) => mixing(panel, ctx) } : null,
      facts.explore.project ? { name: "projection", text: t("explore.projection"), make: (panel) => projection(panel, ctx) } : null,
      facts.explore.drag ? { name: "dragging", text: t("explore.dragging"), make: (panel) => dragging(panel, ctx) } : null,
      { name: "neighbors", text: t("explore.neighbors"), make: (panel) => neighbors(panel, ctx) },
      many,
    ].filter(Boolean), chosen ?? (facts.formats[0] === "png" ? "around" : "samples"), rest)));
  ctx.changed();
  return element;
}

// The seed, a second one, and where between the two.
function seeds(ctx) {
  const { place } = ctx;
  const moved = () => {
    place.path = [];
    place.projected = null;
    ctx.changed();
  };
  const first = slider(t("explore.seed"), { min: 0, max: SEEDS, step: 1, value: 0, shown: String, oninput: (value) => { place.seed = value; moved(); } });
  const second = slider(t("explore.to"), { min: 0, max: SEEDS, step: 1, value: 1, shown: String, oninput: (value) => { place.to = value; moved(); } });
  const share = slider(t("explore.share"), { min: 0, max: 1, step: 0.01, value: 0, shown: percent, oninput: (value) => { place.share = value; moved(); } });
  const random = button(t("explore.random"), () => {
    place.seed = Math.floor(Math.random() * (SEEDS + 1));
    first.set(place.seed);
    moved();
  }, "small");
  const home = button(t("explore.reset"), () => {
    Object.assign(place, { seed: 0, to: 1, share: 0 });
    for (const [key] of place.moves) place.moves.set(key, 0);
    first.set(0); second.set(1); share.set(0);
    moved();
  }, "small");
  const where = h("p", { class: "soft" });
  ctx.listen(() => {
    where.textContent = [place.projected === null ? "" : t(`explore.from_${place.from}`), place.path.length ? t("explore.steps", { n: place.path.length }) : ""].filter(Boolean).join(" ");
  });
  return h("div", { class: "sliders" }, first.element, second.element, share.element, h("div", { class: "actions" }, random, home), where);
}

function downloads(ctx) {
  const formats = h("select", { "aria-label": t("explore.format") }, ctx.facts.formats.map((one) => h("option", { value: one }, one)));
  return h("div", { class: "actions" }, formats, button(t("explore.save"), acting(async () => save(await file(modelPath(ctx.name, "/view"), { ...ctx.fields(), format: formats.value })))));
}
