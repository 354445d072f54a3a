// What a translator makes of files that people bring: one with a mask, or many at once.

import { fileUse } from "../explore/file_use.js";
import { file } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { dropZone } from "../lib/drop.js";
import { save } from "../lib/live.js";
import { beforeAfter, maskPainter } from "../lib/mask.js";
import { chooser, conditions } from "../lib/models.js";
import { acting, button, labeled, link, loading, problem } from "../lib/ui.js";
import { use } from "../lib/use.js";
import { said, t } from "../lib/words.js";
import { zipped } from "../lib/zip.js";

export default { name: "translate", nav: true, show };

const FORMATS = ["png", "jpg", "webp"];

async function show(root, parts, query, here) {
  let end = null;
  await chooser(root, "translate", query, here, (facts, body) => {
    if (facts.explore.file && !facts.can.translate) {
      const panel = h("div", {});
      fill(body, h("div", { class: "card" }, h("h2", {}, said(facts.explore.file.title)), panel));
      end = fileUse(panel, facts);
      return;
    }
    if (!facts.can.translate) {
      fill(body, h("div", { class: "note" }, h("p", {}, t("translate.generator")), link(t("nav.explore"), `#/explore?model=${encodeURIComponent(facts.name)}`, "button")));
      return;
    }
    end = translator(body, facts);
  });
  return () => end?.();
}

function translator(body, facts) {
  const asked = facts.attributes.length ? attributes(facts, () => usage.changed()) : null;
  const direction = facts.directions.length > 1 ? h("select", { onchange: () => usage.changed() }, facts.directions.map((one) => h("option", { value: one }, t("translate.way", { from: one[0], to: one[1] })))) : null;
  const format = facts.can.translates_files ? null : h("select", { onchange: () => usage.changed() }, FORMATS.map((one) => h("option", { value: one }, one)));
  let painter = null;
  const read = (name = "input.png") => ({
    where: asked ? asked.read().where : [],
    format: format ? format.value : name.split(".").at(-1).toLowerCase(),
    ...(direction ? { direction: direction.value } : {}),
  });
  const usage = use(facts.name, "translate", () => ({ ...read(), mask: Boolean(painter && !painter.empty()) }));
  const work = h("div", {});
  const zone = dropZone({ accept: facts.can.translates_files ? "" : "image/*", multiple: true, onfiles: (files) => {
    painter = null;
    if (files.length > 1) many(work, facts, files, read);
    else painted(work, facts, files[0], read, (next) => { painter = next; }, usage);
  } });
  fill(body, h("div", { class: "card" }, h("p", { class: "soft" }, t("translate.text", { sample: said(facts.explore.sample) })), zone.element,
    h("div", { class: "fields" }, direction ? labeled(t("translate.direction"), direction) : null, format ? labeled(t("translate.format"), format) : null), asked?.element, usage.element), work);
  return zone.end;
}

// What an image or a text is to become. Of one attribute alone a value has to be chosen; of several "any" leaves one as it is.
function attributes(facts, changed) {
  const asked = conditions({ labels: [], conditions: facts.attributes, columns: [], can: {} }, changed);
  if (facts.attributes.length === 1) asked.element.querySelector("option[value='']")?.remove();
  return asked;
}

async function translated(facts, one, fields, mask = null) {
  const form = new FormData();
  form.append("ask", JSON.stringify(fields));
  form.append("file", one, one.name || "pasted.png");
  if (mask) form.append("mask", mask, "mask.png");
  const made = await file(`/api/uploads/translate/${encodeURIComponent(facts.name)}`, form);
  const stem = (one.name || "pasted.png").replace(/\.[^.]*$/, "");
  return { ...made, name: `${stem}.translated.${made.name.split(".").at(-1)}` };
}

// One file, with a mask where the model takes one.
async function painted(root, facts, one, read, setPainter, usage) {
  const src = URL.createObjectURL(one);
  const image = h("img", { src, alt: one.name });
  const seen = await image.decode().then(() => true, () => false); // other kinds of files have no image
  const result = h("div", {});
  let painter = null;
  const go = button(t("translate.go"), acting(async () => {
    loading(result, t("translate.working"));
    try {
      const made = await translated(facts, one, read(one.name), painter ? await painter.blob() : null);
      fill(result, await compared(src, seen, made), h("div", { class: "actions" }, button(t("translate.save", { name: made.name }), () => save(made), "primary")));
    } catch (error) {
      problem(result, error);
    }
  }), "primary");
  if (facts.can.mask && seen) {
    painter = maskPainter(image, (empty) => { go.disabled = empty; usage.changed(); });
    setPainter(painter);
  }
  fill(root, h("div", { class: "card translating" }, h("div", {}, h("h2", {}, one.name || t("translate.pasted")), painter ? painter.element : seen ? image : null, h("div", { class: "actions" }, go)), result));
  if (!painter) go.click();
}

async function compared(before, seen, made) {
  const src = URL.createObjectURL(made.blob);
  if (made.blob.type.startsWith("audio/")) return h("audio", { src, controls: true, "aria-label": made.name });
  if (made.blob.type.startsWith("video/")) return h("video", { src, controls: true, "aria-label": made.name });
  const image = h("img", { src, alt: made.name });
  const shown = await image.decode().then(() => true, () => false);
  if (!shown) return h("p", {}, made.name);
  return seen ? beforeAfter(before, src) : image;
}

// Many files, one after the other; one that fails does not stop the rest.
async function many(root, facts, files, read) {
  const rows = files.map((one) => ({ one, state: h("span", { class: "soft" }, t("translate.waiting")) }));
  const done = [];
  const actions = h("div", { class: "actions" });
  fill(root, h("div", { class: "card" }, h("h2", {}, t("translate.several", { n: files.length })), actions,
    h("ul", { class: "entries" }, rows.map(({ one, state }) => h("li", {}, h("span", { class: "what" }, one.name), state)))));
  for (const { one, state } of rows) {
    if (!root.isConnected || !actions.isConnected) return;
    loading(state, t("translate.working"));
    try {
      const made = await translated(facts, one, read(one.name));
      done.push(made);
      fill(state, button(t("translate.save", { name: made.name }), () => save(made), "small"));
    } catch (error) {
      fill(state, h("span", { class: "badge failed" }, error.message));
    }
  }
  fill(actions, done.length ? button(t("translate.zip", { n: done.length }), async () => save({ blob: await zipped(unique(done)), name: "translated.zip" }), "primary") : null);
}

function unique(files) {
  const seen = new Map();
  return files.map((one) => {
    const n = seen.get(one.name) ?? 0;
    seen.set(one.name, n + 1);
    return n ? { ...one, name: `${n + 1}-${one.name}` } : one;
  });
}
