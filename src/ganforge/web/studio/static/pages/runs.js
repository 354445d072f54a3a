// The list of runs, kept up to date by the stream.

import { filePath, follow, get, post } from "../lib/api.js";
import { changing, fill, h, write } from "../lib/dom.js";
import { acting, badge, bar, button, link, setBar } from "../lib/ui.js";
import { ago, count, duration, percent, short, t } from "../lib/words.js";

const MOST = 8;

export default { name: "runs", nav: true, show };

async function show(root, parts, query, here) {
  const [{ runs }, { names }] = await Promise.all([get("/api/runs"), get("/api/trash")]);
  if (!here.current()) return null;
  const rows = new Map(runs.map((row) => [row.name, row]));
  const chosen = new Set();
  const list = h("ul", { class: "runs", "aria-label": t("nav.runs") });
  const selection = h("div", { class: "selection", hidden: true });
  const search = h("input", { type: "search", placeholder: t("runs.search"), "aria-label": t("runs.search"), oninput: () => draw() });
  const body = h("div", {});
  const items = new Map(); // name → {element, update}

  const pick = () => {
    selection.hidden = chosen.size === 0;
    fill(selection, h("span", {}, t("runs.chosen", { n: chosen.size })),
      chosen.size > 1 ? link(t("runs.compare"), `#/compare?${[...chosen].map((name) => `run=${encodeURIComponent(name)}`).join("&")}`, "button primary") : h("span", { class: "soft" }, t("runs.choose_more")),
      button(t("runs.unchoose"), () => { chosen.clear(); draw(); pick(); }));
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
      if (!items.has(row.name)) items.set(row.name, item(row.name, chosen, pick));
      items.get(row.name).update(row);
      return items.get(row.name).element;
    });
    if (elements.some((element, k) => list.children[k] !== element) || list.children.length !== elements.length) fill(list, elements);
    if (!list.isConnected) fill(body, list);
  };
  fill(root, h("div", { class: "head" }, h("h1", {}, t("nav.runs")), h("div", { class: "actions" }, search, link(t("runs.new"), "#/start", "button primary"))), body, selection, names.length ? trash(names) : null);
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

// The row of a run in the list: {element, update(row)}, where update changes what has changed alone.
function item(name, chosen, pick) {
  let row = null;
  const box = h("input", { type: "checkbox", "aria-label": t("runs.choose", { name }), onchange: () => {
    if (box.checked && chosen.size >= MOST) box.checked = false;
    if (box.checked) chosen.add(name);
    else chosen.delete(name);
    pick();
  } });
  const parts = Object.fromEntries(["thumb", "about", "progress", "states", "when"].map((one) => [one, h("div", { class: one })]));
  const changes = [
    changing(parts.thumb, () => row.preview, () => (row.preview ? h("img", { src: filePath(name, `previews/${row.preview}`), alt: "", loading: "lazy" }) : null)),
    changing(parts.about, () => [row.recipe, row.data, row.problem], () => [h("small", {}, [row.recipe, lastName(row.data)].filter(Boolean).join(" · ")), row.problem ? h("small", { class: "danger" }, row.problem.slice(0, 160)) : null]),
    progress(parts.progress),
    changing(parts.states, () => [row.state, row.evaluating, row.health], () => states(row)),
    changing(parts.when, () => [since(row), row.metric, row.last], () => [since(row), row.metric ? h("small", {}, `${row.metric} ${short(row.last)}`) : null]),
  ];
  const element = h("li", {}, box, parts.thumb, h("div", { class: "name" }, link(name, `#/runs/${encodeURIComponent(name)}`), parts.about), parts.progress, parts.states, parts.when);
  const update = (next) => {
    row = next;
    box.checked = chosen.has(name);
    for (const change of changes) change(row);
  };
  return { element, update };
}

function states(row) {
  const early = row.health === "unsettled" && row.state !== "running"; // and will stay so
  return [badge(row.state), row.evaluating ? badge("evaluating") : null, row.health && row.state !== "starting" && !early ? badge(row.health) : null];
}

function since(row) {
  return row.updated || row.started ? ago(row.updated ?? row.started) : "";
}

export function lastName(data) {
  return data.split("/").filter(Boolean).at(-1) ?? data;
}

// Fills an element with the progress of a run. Returns what shows it as it is now: it changes every second or so.
export function progress(element) {
  const line = bar(0, "");
  const text = h("small", {});
  fill(element, line, text);
  return (row) => {
    const share = row.planned ? row.samples / row.planned : 0;
    const words = t("runs.of", { seen: count(row.samples), planned: count(row.planned) });
    const left = row.state === "running" && row.sps ? t("runs.left", { time: duration((row.planned - row.samples) / row.sps) }) : "";
    setBar(line, share, `${percent(share)}: ${words}`);
    write(text, left ? `${words} · ${left}` : words);
  };
}

// Deleted runs, each with a button that brings it back; the list of runs then shows it by itself.
function trash(names) {
  const title = h("summary", {});
  const list = h("ul", { class: "entries" });
  const box = h("details", { class: "card" }, title, list);
  const count = () => {
    title.textContent = t("runs.trash", { n: list.childElementCount });
    box.hidden = !list.childElementCount;
  };
  list.append(...names.map((name) => {
    const back = button(t("runs.restore"), acting(async () => {
      await post(`/api/trash/${encodeURIComponent(name)}/restore`);
      item.remove();
      count();
    }), "small");
    back.setAttribute("aria-label", t("runs.restore_run", { name }));
    const item = h("li", {}, h("span", { class: "what" }, name), back);
    return item;
  }));
  count();
  return box;
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

