// The choice of a model at the head of a page, and the form of what samples are to be.

import { get, modelPath } from "./api.js";
import { fill, h, id } from "./dom.js";
import { labeled, link, loading, problem } from "./ui.js";
import { short, t } from "./words.js";

// Fills `root` with a choice of models and what `make(facts, body)` shows of the chosen one.
export async function chooser(root, page, query, here, make) {
  const { models } = await get("/api/models");
  if (!here.current()) return;
  const title = h("h1", {}, t(`nav.${page}`));
  if (!models.length) {
    fill(root, h("div", { class: "head" }, title), h("div", { class: "card" }, h("p", {}, t("models.none")), link(t("runs.new"), "#/start", "button primary")));
    return;
  }
  const name = query.get("model") ?? models[0].name;
  const choice = h("select", { id: id("model"), onchange: (event) => { location.hash = `#/${page}?model=${encodeURIComponent(event.target.value)}`; } },
    models.map((one) => h("option", { value: one.name }, one.recipe && !one.name.includes(one.recipe) ? `${one.name} (${one.recipe})` : one.name)));
  choice.value = name;
  const body = h("div", {});
  fill(root, h("div", { class: "head" }, title, h("div", { class: "actions" }, h("label", { for: choice.id }, t("models.model")), choice)), body);
  const open = async () => {
    loading(body, t("models.loading"));
    try {
      const facts = await get(modelPath(name));
      if (here.current()) make(facts, body);
    } catch (error) {
      if (here.current()) problem(body, error, open);
    }
  };
  await open();
}

// A slider with its value beside it: {element, input, set}.
export function slider(text, { min, max, step, value, shown = short, oninput }) {
  const input = h("input", { type: "range", min, max, step, id: id("slider") });
  const output = h("output", { for: input.id });
  const show = () => {
    output.textContent = shown(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.value = value;
  input.addEventListener("input", () => { show(); oninput(Number(input.value)); });
  show();
  const set = (next) => { input.value = next; show(); };
  return { element: h("div", { class: "slider" }, h("label", { for: input.id }, text), input, output), input, set };
}

// The form of what samples are to be, from what is known of a model: {element, read}, where read() gives the fields of a
// request. `every`: whether "all labels in turn" can be chosen.
export function conditions(facts, changed, every = false) {
  const parts = [], readers = [];
  if (facts.labels.length && !facts.conditions.length) {
    const choice = h("select", { onchange: changed }, every ? h("option", { value: "" }, t("models.every")) : null, facts.labels.map((name) => h("option", { value: name }, name)));
    parts.push(labeled(t("models.label"), choice));
    readers.push((fields) => { if (choice.value !== "") fields.label = choice.value; });
  }
  for (const one of facts.conditions) add(condition(one, changed), parts, readers);
  const columns = [], asked = [];
  for (const one of facts.columns) add(column(one, changed), columns, asked);
  readers.push(...asked);
  if (facts.can.walk) add(number("truncation", t("models.truncation"), t("models.truncation_help"), 0.05, 1, 1, changed), parts, readers);
  if (facts.can.temperature) add(number("temperature", t("models.temperature"), t("models.temperature_help"), 0.05, 2, 1, changed), parts, readers);
  if (facts.can.guidance) add(number("guidance", t("models.guidance"), t("models.guidance_help"), 0, 5, 1, changed), parts, readers);
  const element = h("div", {}, parts.length ? h("div", { class: "fields" }, parts) : null,
    columns.length ? h("details", { open: columns.length <= 6 }, h("summary", {}, t("models.columns", { n: columns.length })), h("p", { class: "soft" }, t("models.columns_help")), h("div", { class: "fields" }, columns)) : null);
  const read = () => {
    const fields = { where: [], text: [] };
    for (const reader of readers) reader(fields);
    return fields;
  };
  return { element, read };
}

function add({ element, read }, parts, readers) {
  parts.push(element);
  readers.push(read);
}

function number(name, text, help, min, max, usual, changed) {
  const { element, input } = slider(text, { min, max, step: 0.05, value: usual, oninput: changed });
  input.setAttribute("aria-description", help);
  element.title = help;
  return { element, read: (fields) => { if (Number(input.value) !== usual) fields[name] = Number(input.value); } };
}

function condition(one, changed) {
  const text = one.name === "label" ? t("models.label") : one.name; // the name of classes where nobody has named them
  const where = (read) => (fields) => {
    const value = read();
    if (value !== "") fields.where.push(`${one.name}=${value}`);
  };
  if (one.values && one.kind === "labels") {
    const boxes = one.values.map((value) => h("input", { type: "checkbox", value, onchange: changed }));
    const element = h("fieldset", { class: "field" }, h("legend", {}, text), h("div", { class: "controls" }, boxes.map((box) => h("label", {}, box, box.value))));
    return { element, read: where(() => boxes.filter((box) => box.checked).map((box) => box.value).join("|")) };
  }
  if (one.values) {
    const choice = h("select", { onchange: changed }, h("option", { value: "" }, t("models.any")), one.values.map((value) => h("option", { value }, value)));
    return { element: labeled(text, choice), read: where(() => choice.value) };
  }
  if (one.vocabulary) {
    const input = h("input", { type: "text", maxlength: 1000, oninput: changed, list: id("words") });
    const words = h("datalist", { id: input.getAttribute("list") }, one.vocabulary.slice(0, 200).map((word) => h("option", { value: word })));
    const element = h("div", {}, labeled(one.name, input, t("models.text_help")), words);
    return { element, read: (fields) => { if (input.value.trim()) fields.text.push(input.value.trim()); } };
  }
  const [low, high] = "period" in one ? [0, one.period] : [one.low, one.high];
  const use = h("input", { type: "checkbox", "aria-label": t("models.set", { name: one.name }), onchange: () => { input.disabled = !use.checked; changed(); } });
  const { element, input } = slider(one.name, { min: low, max: high, step: (high - low) / 200 || 1, value: (low + high) / 2, oninput: changed });
  input.disabled = true;
  element.prepend(use);
  element.classList.add("optional");
  return { element, read: where(() => (use.checked ? String(Number(Number(input.value).toPrecision(5))) : "")) };
}

// A column of a table: a value, or a range.
function column(one, changed) {
  if (one.values?.length) {
    const choice = h("select", { onchange: changed }, h("option", { value: "" }, t("models.any")), one.values.slice(0, 500).map((value) => h("option", { value: String(value) }, String(value))));
    return { element: labeled(one.name, choice), read: (fields) => { if (choice.value) fields.where.push(`${one.name}=${choice.value}`); } };
  }
  if (one.low === undefined || one.low === null) {
    const input = h("input", { type: "text", onchange: changed, placeholder: t("models.any") });
    return { element: labeled(one.name, input), read: (fields) => { if (input.value.trim()) fields.where.push(`${one.name}=${input.value.trim()}`); } };
  }
  const dated = typeof one.low === "string";
  const ends = ["low", "high"].map((end) => h("input", { type: dated ? "text" : "number", step: "any", placeholder: dated ? one[end] : short(one[end]), "aria-label": t(`models.${end}`, { name: one.name }), onchange: changed }));
  const read = (fields) => {
    if (ends[0].value !== "") fields.where.push(`${one.name}>=${ends[0].value}`);
    if (ends[1].value !== "") fields.where.push(`${one.name}<=${ends[1].value}`);
  };
  return { element: h("fieldset", { class: "field" }, h("legend", {}, one.name), h("div", { class: "pair" }, ends)), read };
}
