// Rows of which cells are missing: the model fills them in.

import { upload } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { dropZone } from "../lib/drop.js";
import { labeled, link, loading, problem, table } from "../lib/ui.js";
import { use } from "../lib/use.js";
import { count, t } from "../lib/words.js";

const FILES = ".csv,.tsv,.parquet";

export function completing(panel, facts) {
  const seed = h("input", { type: "number", min: 0, value: 0, onchange: () => { usage.changed(); if (last) send(last); } });
  const read = () => ({ seed: Number(seed.value) });
  const result = h("div", { "aria-live": "polite" });
  let last = null;
  const send = async (rows) => {
    last = rows;
    loading(result, t("completing.filling"));
    const form = new FormData();
    form.append("ask", JSON.stringify(read()));
    form.append("file", rows, rows.name);
    try {
      fill(result, shown(await upload(`/api/uploads/complete/${encodeURIComponent(facts.name)}`, form), rows.name));
    } catch (error) {
      problem(result, error);
    }
  };
  const zone = dropZone({ accept: FILES, onfiles: ([rows]) => send(rows) });
  const usage = use(facts.name, "complete", read);
  fill(panel, h("p", { class: "soft" }, t("completing.text")), h("p", { class: "soft" }, t("completing.columns", { names: facts.columns.map((one) => one.name).join(", ") })),
    zone.element, h("div", { class: "fields" }, labeled(t("completing.seed"), seed, t("completing.seed_help"))), result, usage.element);
}

function shown(found, name) {
  const [heads, ...rows] = found.shown;
  const cells = rows.map((row, k) => row.map((text, column) => (found.made[k].includes(column) ? h("mark", { title: t("completing.made") }, text) : text)));
  const saved = `${name.replace(/\.[^.]*$/, "")}.completed.${found.name.split(".").at(-1)}`;
  const file = link(t("completing.save", { name: saved }), `/api/media/${found.file}`, "button primary");
  file.download = saved;
  return [
    h("p", {}, t("completing.filled", { rows: count(found.rows), cells: count(found.filled) })),
    found.alone ? h("p", { class: "soft" }, t("completing.alone", { n: count(found.alone) })) : null,
    Object.keys(found.unseen).length ? h("p", { class: "soft" }, t("completing.unseen", { names: Object.entries(found.unseen).map(([column, n]) => `${column} (${count(n)})`).join(", ") })) : null,
    h("div", { class: "actions" }, file),
    found.rows > rows.length ? h("p", { class: "soft" }, t("completing.some", { n: count(rows.length) })) : null,
    table(heads, cells),
  ];
}
