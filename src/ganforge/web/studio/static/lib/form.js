// The form of a recipe: numbers, switches, choices, and the kinds of components, whose fields then appear.

import { get, post } from "./api.js";
import { fill, h, rich } from "./dom.js";
import { acting, button, labeled, loading, problem } from "./ui.js";
import { known, short, t } from "./words.js";
import { started } from "../pages/run.js";

// Shows the form of state.recipe in a card; fields that were chosen for the data begin with these values.
export async function form(card, state, current) {
  const name = state.recipe;
  const choice = state.found?.choice?.recipe === name ? state.found.choice : null;
  const advised = Object.fromEntries((choice?.fields ?? []).map((item) => [item.slice(0, item.indexOf("=")), item.slice(item.indexOf("=") + 1)]));
  const before = state.before?.recipe === name ? state.before : {};
  const written = new Map(Object.entries(before.fields ?? {})); // path → what was entered, kept while kinds change
  const open = new Set();
  const limit = h("input", { type: "number", min: "0", step: "any", placeholder: t("start.no_limit"), value: before.minutes ?? "" });
  let kinds = before.kinds ?? {};
  loading(card);
  const draw = async (focus = "") => {
    try {
      const found = await get(`/api/recipes/${encodeURIComponent(name)}`, { kinds: JSON.stringify(kinds) });
      if (state.recipe !== name || !current()) return;
      const chosen = { ...advisedKinds(found.components, advised), ...kinds };
      if (Object.keys(chosen).some((path) => !(path in kinds))) {
        kinds = chosen;
        await draw();
        return;
      }
      fill(card, settings(found, { state, advised, written, open, kinds, minutes: limit, choose: (path, value) => {
        kinds = { ...Object.fromEntries(Object.entries(kinds).filter(([other]) => !other.startsWith(`${path}.`))), [path]: value };
        for (const other of written.keys()) if (other.startsWith(`${path}.`)) written.delete(other);
        draw(path);
      } }));
      card.querySelector(`[data-path="${focus}"]`)?.focus();
    } catch (error) {
      problem(card, error, () => { kinds = {}; draw(); });
    }
  };
  await draw();
}

// Kinds that were chosen for the data: `task.augment=ada`.
function advisedKinds(components, advised) {
  return Object.fromEntries(components.filter((one) => !one.many && advised[one.path] in one.choices).map((one) => [one.path, advised[one.path]]));
}

function settings(found, { state, advised, written, open, kinds, minutes, choose }) {
  const columns = (state.found?.facts.columns ?? []).filter((one) => typeof one === "object" && "name" in one);
  const named = columns.length ? found.fields.filter((field) => field.kind === "named").map((field) => choices(field, columns, advised, written)) : [];
  const inputs = found.fields.filter((field) => field.kind !== "named").map((field) => input(field, advised[field.path], written));
  const owner = (path) => found.components.map((one) => one.path).filter((one) => path.startsWith(`${one}.`)).sort((a, b) => b.length - a.length)[0];
  const inComponent = (one) => owner(one.field.path) !== undefined && !one.field.path.startsWith("optimizers.");
  const first = inputs.filter((one) => one.field.first || (one.field.path in advised && !inComponent(one)));
  const others = inputs.filter((one) => !first.includes(one) && !inComponent(one));
  const groups = new Map();
  for (const one of others) {
    const name = one.field.path.includes(".") ? one.field.path.split(".").slice(0, one.field.path.startsWith("task.") ? 2 : 1).join(".") : "recipe";
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  const kept = (name, element) => {
    element.open = open.has(name);
    element.addEventListener("toggle", () => (element.open ? open.add(name) : open.delete(name)));
    return element;
  };
  const hidden = Object.entries(advised).filter(([path]) => !found.fields.some((field) => field.path === path) && !(path in kinds));
  const go = acting(async () => {
    const wrong = inputs.find((one) => !one.valid());
    if (wrong) {
      for (let box = wrong.element.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
      wrong.element.querySelector("input, select").reportValidity();
      return;
    }
    const fields = Object.fromEntries([...inputs, ...named].filter((one) => one.changed() || one.field.path in advised).map((one) => [one.field.path, one.value()]));
    const body = { recipe: found.name, data: state.data, fields, kinds, advised: Object.keys(advised).length > 0, minutes: minutes.value ? Number(minutes.value) : null };
    const begun = await started(() => post("/api/runs", body), (more) => post("/api/runs", { ...body, ...more }));
    if (begun) location.hash = `#/runs/${encodeURIComponent(begun.name)}`;
  });
  return [
    h("h2", {}, `3. ${t("start.settings")}`), h("p", { class: "soft" }, h("strong", {}, found.name), " – ", rich(found.summary)),
    state.data ? null : h("p", { class: "soft" }, t("start.own_data", { data: found.data })),
    hidden.length ? h("p", { class: "soft" }, t("start.also"), " ", h("code", {}, hidden.map(([path, value]) => `${path}=${value}`).join(" "))) : null,
    h("div", { class: "fields" }, labeled(t("start.minutes"), minutes, t("start.minutes_help")), first.map((one) => one.element)),
    named.map((one) => kept(one.field.path, h("details", {}, h("summary", {}, called(one.field.path)), h("p", { class: "soft" }, rich(one.field.help)), one.element))),
    found.components.length ? kept("components", h("details", {}, h("summary", {}, t("start.components")), h("p", { class: "soft" }, t("start.components_text")),
      found.components.map((one) => component(one, inputs.filter((other) => owner(other.field.path) === one.path && inComponent(other)), kept, choose)))) : null,
    groups.size ? kept("more", h("details", {}, h("summary", {}, t("start.more", { n: others.length })),
      [...groups].map(([name, fields]) => kept(`more ${name}`, h("details", {}, h("summary", {}, h("code", {}, name)), h("div", { class: "fields" }, fields.map((one) => one.element))))))) : null,
    h("div", { class: "actions" }, button(t("start.go"), go, "primary")),
  ];
}

// A component, or a list of some: the choice of its kind, and the fields of that kind.
function component(one, inputs, kept, choose) {
  const options = Object.keys(one.choices);
  const name = called(one.path);
  const usual = one.kinds.length ? one.kinds.join(", ") : t("start.none");
  const fields = (of) => (of.length ? h("div", { class: "fields" }, of.map((other) => other.element)) : null);
  const changed = one.now.join() !== one.kinds.join();
  if (!one.many) {
    const choice = h("select", { "data-path": one.path, onchange: () => choose(one.path, choice.value || null) },
      one.optional ? h("option", { value: "" }, t("start.none")) : null, options.map((kind) => h("option", { value: kind }, kind)));
    choice.value = one.now[0] ?? "";
    const element = labeled(name, choice, `${one.choices[one.now[0]] ?? ""} ${t("start.usual", { value: usual })}`);
    element.classList.toggle("changed", changed);
    return h("div", { class: "component" }, element, inputs.length ? kept(`fields ${one.path}`, h("details", {}, h("summary", {}, t("start.fields_of", { name: one.now[0], n: inputs.length })), fields(inputs))) : null);
  }
  const add = h("select", { "aria-label": t("start.add_to", { name }), "data-path": one.path, onchange: () => choose(one.path, [...one.now, add.value]) },
    h("option", { value: "" }, t("start.add")), options.map((kind) => h("option", { value: kind }, kind)));
  const legend = h("legend", {}, name, changed ? " •" : "");
  return h("fieldset", { class: "component field" }, legend, h("small", {}, t("start.usual", { value: usual })),
    one.now.map((kind, k) => h("div", { class: "component" },
      h("p", {}, h("strong", {}, kind), " ", button(t("start.take_out", { name: kind }), () => choose(one.path, one.now.filter((_, other) => other !== k)), "small")),
      h("small", {}, one.choices[kind]),
      fields(inputs.filter((other) => other.field.path.startsWith(`${one.path}.${k}.`))))), add);
}

// What a field or a component is called: by its path where it has no name.
function called(path) {
  const net = /^optimizers\.(\w+)\.lr$/.exec(path)?.[1];
  return net ? t("start.rate_of", { name: net }) : known(`fields.${path.replaceAll(".", "_")}`, path);
}

// A choice for each column of the data: {field, element, value, changed}.
function choices(field, columns, advised, written) {
  const value = () => Object.fromEntries(Object.entries(chosen).filter(([, one]) => one));
  const chosen = { ...written.get(field.path) };
  const rows = columns.map(({ name, kind }) => {
    const found = advised[`${field.path}.${name}`] ?? (field.choices.includes(kind) ? kind : null);
    const choice = h("select", { onchange: () => { chosen[name] = choice.value; written.set(field.path, value()); } },
      h("option", { value: "" }, found ? t("start.found", { value: found }) : t("start.automatic")), field.choices.map((one) => h("option", { value: one }, one)));
    choice.value = chosen[name] ?? "";
    return labeled(name, choice);
  });
  return { field, element: h("div", { class: "fields tall" }, rows), value, changed: () => Object.keys(value()).length > 0 };
}

// The control of a field: {field, element, value, changed, valid}.
function input(field, advised, written) {
  const begin = written.has(field.path) ? written.get(field.path) : advised === undefined ? field.value : parsed(field, advised);
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
  const element = labeled(called(field.path), control, `${field.help} ${t("start.usual", { value: usual })}`);
  const changed = () => value() !== field.value;
  const mark = () => element.classList.toggle("changed", changed());
  control.addEventListener("input", () => { mark(); written.set(field.path, value()); });
  mark();
  return { field, element, value, changed, valid: () => control.checkValidity() };
}

function parsed(field, text) {
  if (field.kind === "switch") return text === "true";
  if (text === "null") return null;
  return field.kind === "choice" ? text : Number(text);
}
