// The list of runs, kept up to date by the stream.

import { filePath, follow, get, post } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { acting, badge, bar, button, link } from "../lib/ui.js";
import { ago, count, duration, percent, short, t } from "../lib/words.js";

const MOST = 8;

export default { name: "runs", nav: true, show };

async function show(root, parts, query, here) {
  const { runs } = await get("/api/runs");
  if (!here.current()) return null;
  const rows = new Map(runs.map((row) => [row.name, row]));
  const chosen = new Set();
  const list = h("ul", { class: "runs", "aria-label": t("nav.runs") });
  const selection = h("div", { class: "selection", hidden: true });
  const search = h("input", { type: "search", placeholder: t("runs.search"), "aria-label": t("runs.search"), oninput: () => draw() });
  const body = h("div", {});
  const items = new Map(); // name → [text of the row, its element]: rows that did not change keep the focus

  const pick = () => {
    selection.hidden = chosen.size === 0;
    fill(selection, h("span", {}, t("runs.chosen", { n: chosen.size })),
      chosen.size > 1 ? link(t("runs.compare"), `#/compare?${[...chosen].map((name) => `run=${encodeURIComponent(name)}`).join("&")}`, "button primary") : h("span", { class: "soft" }, t("runs.choose_more")),
      button(t("runs.unchoose"), () => { chosen.clear(); items.clear(); draw(); pick(); }));
  };
  const draw = () => {
    if (!rows.size) {
      fill(body, welcome());
      return;
    }
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = [...rows.values()].filter((row) => words.every((word) => `${row.name} ${row.recipe} ${row.data} ${row.state}`.toLowerCase().includes(word)));
    found.sort((a, b) => (b.started ?? 0) - (a.started ?? 0) || (a.name < b.name ? 1 : -1));
    const elements = found.map((row) => {
      const text = JSON.stringify([row, chosen.has(row.name)]);
      if (items.get(row.name)?.[0] !== text) items.set(row.name, [text, item(row, chosen, pick)]);
      return items.get(row.name)[1];
    });
    if (elements.some((element, k) => list.children[k] !== element) || list.children.length !== elements.length) fill(list, elements);
    if (!list.isConnected) fill(body, list);
  };
  fill(root, h("div", { class: "head" }, h("h1", {}, t("nav.runs")), h("div", { class: "actions" }, search, link(t("runs.new"), "#/start", "button primary"))), body, selection);
  draw();
  return follow({}, {
    runs: ({ changed, gone }) => {
      for (const row of changed) rows.set(row.name, row);
      for (const name of gone) rows.delete(name);
      draw();
    },
    lost: () => here.lost(true),
    found: () => here.lost(false),
  });
}

function item(row, chosen, pick) {
  const box = h("input", { type: "checkbox", checked: chosen.has(row.name), "aria-label": t("runs.choose", { name: row.name }), onchange: () => {
    if (box.checked && chosen.size >= MOST) box.checked = false;
    if (box.checked) chosen.add(row.name);
    else chosen.delete(row.name);
    pick();
  } });
  const image = row.preview ? h("img", { class: "thumb", src: filePath(row.name, `previews/${row.preview}`), alt: "", loading: "lazy" }) : h("span", { class: "thumb" });
  const states = [badge(row.state)];
  if (row.evaluating) states.push(badge("evaluating"));
  const early = row.health === "unsettled" && row.state !== "running"; // and will stay so
  if (row.health && row.state !== "starting" && !early) states.push(badge(row.health));
  return h("li", {}, box, image,
    h("div", { class: "name" }, link(row.name, `#/runs/${encodeURIComponent(row.name)}`), h("small", {}, [row.recipe, lastName(row.data)].filter(Boolean).join(" · ")),
      row.problem ? h("small", { class: "danger" }, row.problem.slice(0, 160)) : null),
    h("div", { class: "progress" }, progress(row)),
    h("div", { class: "states" }, states),
    h("div", { class: "when" }, row.updated || row.started ? ago(row.updated ?? row.started) : "", row.metric ? h("small", {}, `${row.metric} ${short(row.last)}`) : null));
}

export function lastName(data) {
  return data.split("/").filter(Boolean).at(-1) ?? data;
}

export function progress(row) {
  const share = row.planned ? row.samples / row.planned : 0;
  const words = t("runs.of", { seen: count(row.samples), planned: count(row.planned) });
  const left = row.state === "running" && row.sps ? t("runs.left", { time: duration((row.planned - row.samples) / row.sps) }) : "";
  return [bar(share, `${percent(share)}: ${words}`), h("small", {}, words, left ? ` · ${left}` : "")];
}

// What somebody sees who has no run yet.
function welcome() {
  const demo = acting(async () => {
    const { name } = await post("/api/runs", { recipe: "demo" });
    location.hash = `#/runs/${encodeURIComponent(name)}`;
  });
  return h("div", {}, h("p", {}, t("welcome.text")), h("div", { class: "welcome" },
    h("div", { class: "card" }, h("h2", {}, t("welcome.demo")), h("p", {}, t("welcome.demo_text")), button(t("welcome.demo_go"), demo, "primary")),
    h("div", { class: "card" }, h("h2", {}, t("welcome.own")), h("p", {}, t("welcome.own_text")), link(t("welcome.own_go"), "#/data", "button")),
    h("div", { class: "card" }, h("h2", {}, t("welcome.recipe")), h("p", {}, t("welcome.recipe_text")), link(t("welcome.recipe_go"), "#/start", "button"))));
}

