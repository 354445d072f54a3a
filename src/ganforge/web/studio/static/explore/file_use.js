// What a model makes of a file that people bring, besides translations: filled cells and gaps, forecasts, next frames.

import { upload } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { dropZone } from "../lib/drop.js";
import { later } from "../lib/live.js";
import { labeled, link, loading, problem, table } from "../lib/ui.js";
import { use } from "../lib/use.js";
import { count, said, t } from "../lib/words.js";
import { medium } from "./samples.js";

const SHOWN = 100; // rows that are sent to be shown

// Fills `panel`; returns what stops listening to the clipboard.
export function fileUse(panel, facts) {
  const offered = facts.explore.file;
  const settings = offered.settings.map((one) => ({ one, control: control(one, () => changed()) }));
  const read = () => ({ settings: Object.fromEntries(settings.map(({ one, control: input }) => [one.name, one.choices.length ? input.value : Number(input.value)])) });
  const result = h("div", { "aria-live": "polite" });
  let last = null;
  let turn = 0;
  const send = async (file) => {
    last = file;
    turn += 1;
    const mine = turn;
    loading(result, t("file.working"));
    const form = new FormData();
    form.append("ask", JSON.stringify(read()));
    form.append("file", file, file.name);
    try {
      const found = await upload(`/api/uploads/file/${encodeURIComponent(facts.name)}`, form);
      if (mine === turn) fill(result, shown(found, file.name, offered));
    } catch (error) {
      if (mine === turn) problem(result, error, () => send(file));
    }
  };
  const again = later(() => { if (last) send(last); }, 600);
  const changed = () => {
    if (!settings.every(({ control: input }) => input.checkValidity())) return;
    usage.changed();
    again();
  };
  const zone = dropZone({ accept: offered.reads.join(","), onfiles: ([file]) => send(file) });
  const usage = use(facts.name, "file", read);
  fill(panel, h("p", { class: "soft" }, said(offered.text)), zone.element,
    h("div", { class: "fields" }, settings.map(({ one, control: input }) => labeled(said(one.title), input, said(one.help)))), result, usage.element);
  return zone.end;
}

function control(one, changed) {
  if (one.choices.length) {
    const choice = h("select", { onchange: changed }, one.choices.map((value) => h("option", { value }, value)));
    choice.value = one.usual;
    return choice;
  }
  return h("input", { type: "number", min: one.least, max: one.most, step: 1, required: true, value: one.usual, oninput: changed });
}

function shown(found, name, offered) {
  const [heads, ...rows] = found.rows;
  const cells = rows.map((row, k) => row.map((text, column) => (found.made[k]?.includes(column) ? h("mark", { title: t("file.made") }, text) : text)));
  const saved = `${name.replace(/\.[^.]*$/, "")}.${found.name}`;
  const file = link(t("file.save", { name: saved }), `/api/media/${found.file}`, "button primary");
  file.download = saved;
  return [
    found.says.map((one) => h("p", {}, said(one))),
    h("div", { class: "actions" }, file),
    found.media.map((one) => medium(one, said(offered.title))),
    rows.length >= SHOWN ? h("p", { class: "soft" }, t("file.some", { n: count(rows.length) })) : null,
    heads ? h("div", { class: "tall" }, table(heads, cells)) : null,
  ];
}
