// Several runs side by side: curves, previews, samples of the same seeds, recipes, and metrics where they were measured alike.

import { filePath, follow, get, modelPath, post } from "../lib/api.js";
import { chart } from "../lib/chart.js";
import { Curves } from "../lib/curves.js";
import { fill, h } from "../lib/dom.js";
import { acting, badge, button, labeled, link, loading, problem, table, toast } from "../lib/ui.js";
import { count, duration, precise, t } from "../lib/words.js";
import { shown } from "../explore/samples.js";
import { differences } from "./run.js";

export default { name: "compare", nav: true, show };

const MOST = 8;

async function show(root, parts, query, here) {
  const names = [...new Set(query.getAll("run"))].slice(0, MOST);
  const { runs: all } = await get("/api/runs");
  const found = names.length ? await get("/api/compare", { run: names }) : { runs: [], fields: {}, metrics: [] };
  if (!here.current()) return null;
  const go = (next) => { location.hash = `#/compare?${next.map((name) => `run=${encodeURIComponent(name)}`).join("&")}`; };
  const rest = all.filter((row) => !names.includes(row.name) && row.planned);
  const add = h("select", { "aria-label": t("compare.add"), onchange: () => (names.length >= MOST ? toast(t("compare.most", { n: MOST })) : go([...names, add.value])) },
    h("option", { value: "" }, t("compare.add")), rest.map((row) => h("option", { value: row.name }, row.name)));
  const chips = names.map((name, k) => h("span", { class: `badge key c${k}` }, name, h("button", { type: "button", class: "plain", "aria-label": t("compare.remove", { name }), onclick: () => go(names.filter((one) => one !== name)) }, "×")));
  const head = [h("div", { class: "head" }, h("h1", {}, t("nav.compare"))), h("div", { class: "controls" }, chips, rest.length ? add : null)];
  if (!names.length) {
    fill(root, head, h("p", { class: "empty card" }, all.length ? t("compare.none") : t("compare.no_runs")));
    return null;
  }
  const curves = found.runs.map((run) => new Curves(run.curves));
  const drawn = new Map();
  const area = h("div", { class: "charts" });
  let axis = "samples";
  const choice = h("select", { onchange: () => { axis = choice.value; draw(); } }, ["samples", "minutes"].map((one) => h("option", { value: one }, t(`chart.by_${one}`))));
  const draw = () => {
    for (const one of lines(curves, names, axis)) {
      if (drawn.has(one.key)) drawn.get(one.key).update(one);
      else {
        drawn.set(one.key, chart(one));
        area.append(drawn.get(one.key).element);
      }
    }
  };
  fill(root, head,
    h("div", { class: "card" }, table([t("compare.run"), t("compare.state"), t("run.recipe"), t("chart.samples"), t("run.trained")],
      found.runs.map((run) => [link(run.name, `#/runs/${encodeURIComponent(run.name)}`), badge(run.state), run.recipe, count(run.samples), duration(run.seconds)]))),
    h("h2", { class: "section" }, t("compare.curves")), h("div", { class: "controls" }, h("label", {}, t("chart.across"), choice)), area,
    h("h2", { class: "section" }, t("compare.previews")), seen(found.runs),
    h("h2", { class: "section" }, t("compare.seeds")), sampled(found.runs, here),
    h("h2", { class: "section" }, t("compare.metrics")), metrics(found.metrics, names),
    h("h2", { class: "section" }, t("compare.fields")), names.length > 1 ? differences(found.fields, names) : h("p", { class: "empty" }, t("compare.one")));
  draw();
  return follow({}, {
    runs: ({ changed }) => {
      const grown = changed.filter((row) => names.includes(row.name) && row.samples !== found.runs.find((run) => run.name === row.name).samples);
      if (grown.length) refresh();
    },
    lost: () => here.lost(true),
    found: () => here.lost(false),
  });

  async function refresh() {
    const next = await get("/api/compare", { run: names });
    found.runs = next.runs;
    next.runs.forEach((run, k) => { curves[k] = new Curves(run.curves); });
    if (here.current()) draw();
  }
}

// A chart for each value, with a line for each run that has it.
function lines(curves, names, axis) {
  const keys = new Map();
  for (const one of curves) {
    for (const group of one.groups().filter((other) => !other.more)) {
      for (const [label, columns, column] of group.names) {
        const title = group.key === "loss" ? t("compare.loss", { name: label }) : group.key === "acc" ? t("compare.accuracy", { name: label }) : group.title;
        if (!keys.has(column)) keys.set(column, { key: column, title, note: group.note, bounds: group.bounds, level: group.level, of: columns === one.ticks ? "ticks" : "evaluations" });
      }
    }
  }
  return [...keys.values()].map((one) => ({
    ...one,
    across: t(`chart.${axis}`),
    series: () => curves.map((of, k) => ({ name: names[k], color: k, points: of.points(of[one.of], one.key, axis) })),
  }));
}

function seen(runs) {
  const shown = runs.filter((run) => run.preview);
  if (!shown.length) return h("p", { class: "empty" }, t("player.none"));
  return h("div", { class: "seen" }, shown.map((run) => h("figure", {}, h("img", { src: filePath(run.name, `previews/${run.preview}`), alt: t("compare.preview_of", { name: run.name }) }), h("figcaption", {}, run.name))));
}

// Samples of the same seeds from each run, made one run after the other.
function sampled(runs, here) {
  const seed = h("input", { type: "number", min: 0, value: 0 });
  const n = h("input", { type: "number", min: 1, max: 64, value: 16 });
  const result = h("div", { class: "seen" });
  let turn = 0;
  const go = acting(async () => {
    const mine = ++turn;
    const fields = { seed: Number(seed.value), n: Number(n.value) };
    const boxes = runs.map((run) => h("div", {}));
    fill(result, runs.map((run, k) => h("section", { class: "card", "aria-label": run.name }, h("h3", {}, run.name), boxes[k])));
    for (const [k, run] of runs.entries()) {
      if (!run.model) fill(boxes[k], h("p", { class: "empty" }, t("errors.studio_no_model")));
      else loading(boxes[k], t("samples.making"));
    }
    for (const [k, run] of runs.entries()) {
      if (!run.model) continue;
      try {
        const made = await post(modelPath(run.name, "/show"), fields);
        if (mine !== turn || !here.current()) return;
        fill(boxes[k], shown(made));
      } catch (error) {
        problem(boxes[k], error);
      }
    }
  });
  return h("div", { class: "card" }, h("p", { class: "soft" }, t("compare.seeds_text")),
    h("div", { class: "fields" }, labeled(t("samples.seed"), seed), labeled(t("samples.n"), n)), h("div", { class: "actions" }, button(t("compare.sample"), go, "primary")), result);
}

function metrics(rows, names) {
  if (!rows.length) return h("p", { class: "empty" }, t("compare.no_metrics"));
  const apart = rows.some((row) => Object.keys(row.differs).length);
  return h("div", { class: "card" }, apart ? h("p", { class: "soft" }, t("compare.apart")) : null,
    table([t("compare.metric"), ...names], rows.map((row) => [
      [row.name, Object.keys(row.differs).length ? h("small", { class: "soft" }, ` (${Object.entries(row.differs).map(([key, value]) => `${key}: ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ")})`) : ""],
      ...row.values.map(precise)])));
}
