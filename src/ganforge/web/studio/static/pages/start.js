// Starting a run: which data, which recipe, which settings.

import { get, post, runPath } from "../lib/api.js";
import { fill, h, rich } from "../lib/dom.js";
import { form } from "../lib/form.js";
import { link, loading, problem } from "../lib/ui.js";
import { t } from "../lib/words.js";

export default { name: "start", nav: true, show };

async function show(root, parts, query, here) {
  loading(root, t("start.loading"));
  const { recipes, sets } = await get("/api/recipes");
  if (!here.current()) return;
  // A form that was sent before: its values are entered again.
  const before = query.has("from") ? await get(runPath(query.get("from"), "/form")) : null;
  if (!here.current()) return;
  const state = { data: before?.data ?? null, found: null, recipe: before?.recipe ?? query.get("recipe"), all: recipes, before };
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
      state.recipe = before?.recipe ?? query.get("recipe") ?? found.choice?.recipe ?? null;
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
  const drawForm = () => {
    formCard.hidden = !state.recipe;
    if (state.recipe) form(formCard, state, () => here.current());
  };
  drawData();
  await inspect();
}
