// Starting a run: which data, which recipe, which settings.

import { get, post } from "../lib/api.js";
import { fill, h, rich } from "../lib/dom.js";
import { acting, button, labeled, link, loading, problem } from "../lib/ui.js";
import { known, short, t } from "../lib/words.js";
import { started } from "./run.js";

export default { name: "start", nav: true, show };

async function show(root, parts, query, here) {
  loading(root, t("start.loading"));
  const { recipes, sets } = await get("/api/recipes");
  if (!here.current()) return;
  const state = { data: null, found: null, recipe: query.get("recipe"), all: recipes };
  if (query.has("path")) state.data = { path: query.get("path") };
  else if (query.has("set")) state.data = { set: query.get("set") };
  const dataCard = h("section", { class: "card", "aria-label": t("start.data") });
  const recipeCard = h("section", { class: "card", "aria-label": t("start.recipe") });
  const formCard = h("section", { class: "card", hidden: true, "aria-label": t("start.settings") });
  fill(root, h("div", { class: "head" }, h("h1", {}, t("nav.start"))), h("div", { class: "steps" }, dataCard, recipeCard, formCard));

  const choose = (data) => {
    state.data = data;
    state.found = null;
    drawData();
    inspect();
  };
  const drawData = () => {
    const names = sets.map((name) => h("button", { type: "button", "aria-pressed": String(state.data?.set === name), onclick: () => choose({ set: name }) }, name));
    fill(dataCard, h("h2", {}, `1. ${t("start.data")}`),
      h("p", { class: "soft" }, t("start.data_text")),
      h("div", { class: "choices" },
        h("button", { type: "button", "aria-pressed": String(!state.data), onclick: () => choose(null) }, t("start.of_recipe")),
        state.data?.path !== undefined ? h("button", { type: "button", "aria-pressed": "true" }, state.data.path || t("data.root")) : null,
        link(t("start.folder"), "#/data", "button")),
      h("details", { open: Boolean(state.data?.set) }, h("summary", {}, t("start.sets")), h("div", { class: "choices" }, names)));
  };
  const inspect = async () => {
    if (!state.data) {
      drawRecipes();
      return;
    }
    const asked = state.data;
    loading(recipeCard, t("data.inspecting"));
    try {
      const found = await post("/api/data/inspect", asked);
      if (state.data !== asked || !here.current()) return;
      state.found = found;
      state.recipe = query.get("recipe") ?? found.choice?.recipe ?? null;
      drawRecipes();
    } catch (error) {
      if (state.data === asked) problem(recipeCard, error, inspect);
    }
  };
  const drawRecipes = () => {
    const fits = state.found?.facts.recipes;
    const list = h("ul", { class: "recipes" });
    const search = h("input", { type: "search", "aria-label": t("start.search"), placeholder: t("start.search"), oninput: () => draw() });
    const every = h("input", { type: "checkbox", onchange: () => draw() });
    const draw = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const shown = state.all.filter(({ name, summary }) => (!fits || every.checked || fits[name]?.fits) && words.every((word) => `${name} ${summary}`.toLowerCase().includes(word)));
      shown.sort((a, b) => (b.name === state.found?.choice?.recipe) - (a.name === state.found?.choice?.recipe));
      fill(list, shown.map(({ name, summary }) => h("li", {}, h("button", { type: "button", "aria-pressed": String(name === state.recipe), onclick: () => { state.recipe = name; draw(); drawForm(); } },
        h("strong", {}, name), h("span", {}, name === state.found?.choice?.recipe ? `${t("start.advised")} ` : "", rich(summary), fits?.[name] && !fits[name].fits ? h("small", { class: "danger" }, ` ${fits[name].says}`) : "")))));
    };
    const choice = state.found?.choice;
    fill(recipeCard, h("h2", {}, `2. ${t("start.recipe")}`),
      choice ? h("div", { class: "note" }, h("p", {}, h("strong", {}, t("start.chosen", { name: choice.recipe }))), h("ul", {}, choice.reasons.map((one) => h("li", {}, rich(one))))) : null,
      state.found?.no_choice ? h("p", { class: "soft" }, state.found.no_choice) : null,
      h("div", { class: "controls" }, search, fits ? h("label", {}, every, t("start.every")) : null), list);
    draw();
    drawForm();
  };
  const drawForm = async () => {
    const name = state.recipe;
    formCard.hidden = !name;
    if (!name) return;
    loading(formCard);
    try {
      const form = await get(`/api/recipes/${encodeURIComponent(name)}`);
      if (state.recipe === name && here.current()) fill(formCard, settings(form, state));
    } catch (error) {
      problem(formCard, error, drawForm);
    }
  };
  drawData();
  await inspect();
}

// The form of a recipe; fields that were chosen for the data begin with these values.
function settings(form, state) {
  const advised = state.found?.choice?.recipe === form.name ? Object.fromEntries(state.found.choice.fields.map((item) => [item.slice(0, item.indexOf("=")), item.slice(item.indexOf("=") + 1)])) : {};
  const inputs = form.fields.map((field) => input(field, advised[field.path]));
  const first = inputs.filter((one) => one.field.first || one.field.path in advised);
  const groups = new Map();
  for (const one of inputs.filter((other) => !first.includes(other))) {
    const name = one.field.path.includes(".") ? one.field.path.split(".").slice(0, one.field.path.startsWith("task.") ? 2 : 1).join(".") : "recipe";
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  const minutes = h("input", { type: "number", min: "0", step: "any", placeholder: t("start.no_limit") });
  const hidden = Object.entries(advised).filter(([path]) => !form.fields.some((field) => field.path === path));
  const go = acting(async () => {
    const wrong = inputs.find((one) => !one.valid());
    if (wrong) {
      wrong.element.closest("details")?.setAttribute("open", "");
      wrong.element.querySelector("input, select").reportValidity();
      return;
    }
    const fields = Object.fromEntries(inputs.filter((one) => one.changed() || one.field.path in advised).map((one) => [one.field.path, one.value()]));
    const body = { recipe: form.name, data: state.data, fields, advised: Object.keys(advised).length > 0, minutes: minutes.value ? Number(minutes.value) : null };
    const begun = await started(() => post("/api/runs", body), (more) => post("/api/runs", { ...body, ...more }));
    if (begun) location.hash = `#/runs/${encodeURIComponent(begun.name)}`;
  });
  return [
    h("h2", {}, `3. ${t("start.settings")}`), h("p", { class: "soft" }, h("strong", {}, form.name), " – ", rich(form.summary)),
    state.data ? null : h("p", { class: "soft" }, t("start.own_data", { data: form.data })),
    hidden.length ? h("p", { class: "soft" }, t("start.also"), " ", h("code", {}, hidden.map(([path, value]) => `${path}=${value}`).join(" "))) : null,
    h("div", { class: "fields" }, labeled(t("start.minutes"), minutes, t("start.minutes_help")), first.map((one) => one.element)),
    groups.size ? h("details", {}, h("summary", {}, t("start.more", { n: inputs.length - first.length })),
      [...groups].map(([name, fields]) => h("details", {}, h("summary", {}, h("code", {}, name)), h("div", { class: "fields" }, fields.map((one) => one.element))))) : null,
    h("div", { class: "actions" }, button(t("start.go"), go, "primary")),
  ];
}

function input(field, advised) {
  const begin = advised === undefined ? field.value : parsed(field, advised);
  let control;
  if (field.kind === "switch") {
    control = h("input", { type: "checkbox", checked: begin === true });
  } else if (field.kind === "choice") {
    control = h("select", {}, field.optional ? h("option", { value: "" }, "–") : null, field.choices.map((one) => h("option", { value: one }, one)));
    control.value = begin ?? "";
  } else {
    const least = field.least ?? field.above;
    control = h("input", { type: "number", step: field.kind === "integer" ? "1" : "any", min: least ?? undefined, max: field.most ?? undefined, required: !field.optional, value: begin ?? "", placeholder: field.optional ? t("start.automatic") : "" });
  }
  const value = () => {
    if (field.kind === "switch") return control.checked;
    if (control.value === "") return null;
    return field.kind === "choice" ? control.value : Number(control.value);
  };
  const usual = field.value === null || field.value === undefined ? t("start.automatic") : typeof field.value === "number" ? short(field.value) : String(field.value);
  const element = labeled(known(`fields.${field.path.replaceAll(".", "_")}`, field.path), control, `${field.help} ${t("start.usual", { value: usual })}`);
  const changed = () => value() !== field.value;
  const mark = () => element.classList.toggle("changed", changed());
  control.addEventListener("input", mark);
  mark();
  return { field, element, value, changed, valid: () => control.checkValidity() };
}

function parsed(field, text) {
  if (field.kind === "switch") return text === "true";
  if (text === "null") return null;
  return field.kind === "choice" ? text : Number(text);
}
