// The data folder, and what is in a data set: classes, sizes, faults, and the recipes that fit it.

import { get, post, upload } from "../lib/api.js";
import { fill, h, rich } from "../lib/dom.js";
import { dropZone } from "../lib/drop.js";
import { bar, button, link, loading, problem, shown, table } from "../lib/ui.js";
import { bytes, count, precise, t } from "../lib/words.js";

export default { name: "data", nav: true, show };

const NAMED = ["name", "count", "looked_at", "readable", "classes", "balance", "recipes", "hints", "duplicates", "unreadable", "skipped", "ignored", "nbytes", "reading", "sizes", "shapes", "conditions", "source", "rows", "kinds", "smallest", "median", "largest"];

async function show(root, parts, query, here) {
  const path = query.get("path") ?? "";
  const set = query.get("set");
  const found = set ? { folder: false, entries: [] } : await get("/api/data", { path });
  if (!here.current()) return;
  const result = h("div", {});
  const inspect = async (again = false) => {
    loading(result, t("data.inspecting"));
    try {
      const facts = await post("/api/data/inspect", { ...(set ? { set } : { path }), again });
      if (here.current()) fill(result, inspected(facts, set ? { set } : { path }));
    } catch (error) {
      problem(result, error, () => inspect(true));
    }
  };
  const at = path.split("/").filter(Boolean);
  const crumbs = h("nav", { class: "crumbs", "aria-label": t("data.folder") }, link(t("data.root"), "#/data"),
    at.map((name, k) => ["/", k === at.length - 1 ? h("span", { "aria-current": "page" }, name) : link(name, address(at.slice(0, k + 1).join("/")))]), set ? ["/", h("span", {}, set)] : null);
  fill(root, h("div", { class: "head" }, h("h1", {}, t("nav.data")), h("div", { class: "actions" }, found.entries.length || !found.folder ? button(found.folder ? t("data.inspect_folder") : t("data.again"), () => inspect(true), found.folder ? "primary" : "") : null)),
    crumbs, found.folder && !path ? [h("p", { class: "soft" }, t("data.text")), bring()] : null, result, found.folder ? h("div", { class: "card" }, listing(found, path)) : null);
  if (!found.folder) await inspect();
}

// A table to train on, which is kept below the data folder.
function bring() {
  const state = h("div", { "aria-live": "polite" });
  const send = async (file) => {
    loading(state, t("data.bringing"));
    const form = new FormData();
    form.append("file", file, file.name);
    try {
      location.hash = address((await upload("/api/uploads/data", form)).path).slice(1);
    } catch (error) {
      problem(state, error);
    }
  };
  const zone = dropZone({ accept: ".csv,.tsv,.parquet", onfiles: ([file]) => send(file) });
  return h("details", { class: "card" }, h("summary", {}, t("data.bring")), h("p", { class: "soft" }, t("data.bring_text")), zone.element, state);
}

function address(path) {
  return `#/data?path=${encodeURIComponent(path)}`;
}

function listing(found, path) {
  if (!found.entries.length) return h("p", { class: "empty" }, t("data.empty"));
  return [h("ul", { class: "entries" }, found.entries.map((entry) => {
    const below = path ? `${path}/${entry.name}` : entry.name;
    return h("li", {}, h("span", { "aria-hidden": "true" }, entry.folder ? "▸" : "·"), h("span", { class: "what" }, link(entry.folder ? `${entry.name}/` : entry.name, address(below))),
      h("small", {}, entry.folder ? t("data.entries", { n: count(entry.count) }) : bytes(entry.bytes)));
  })), found.more ? h("p", { class: "soft" }, t("data.more", { n: count(found.more) })) : null];
}

function inspected(found, data) {
  const { facts } = found;
  const where = data.set ? `set=${encodeURIComponent(data.set)}` : `path=${encodeURIComponent(data.path)}`;
  const classes = Array.isArray(facts.classes) ? Object.fromEntries(facts.classes.map((name) => [name, null])) : facts.classes ?? {};
  const faults = [["duplicates", facts.duplicates], ["unreadable", facts.unreadable], ["skipped", facts.skipped], ["ignored", facts.ignored]].map(([what, value]) => [what, value, size(value)]).filter(([, , n]) => n > 0);
  const others = Object.entries(facts).filter(([name, value]) => !NAMED.includes(name) && value !== null && size(value) !== 0);
  const fits = Object.entries(facts.recipes ?? {}).sort(([, a], [, b]) => b.fits - a.fits);
  return [
    h("div", { class: "card" }, h("div", { class: "head" }, h("h2", {}, lastPart(facts.name)), h("div", { class: "actions" }, link(t("data.train"), `#/start?${where}`, "button primary"))),
      h("dl", { class: "facts" }, [
        [t("data.count"), count(facts.count)],
        [t("data.classes"), Object.keys(classes).length ? count(Object.keys(classes).length) : null],
        [t("data.sizes"), many(Object.keys(facts.sizes ?? facts.shapes ?? {}))],
        [t("data.bytes"), facts.nbytes ? bytes(facts.nbytes) : null],
        [t("data.duplicates"), facts.duplicates ? count(size(facts.duplicates)) : null],
        [t("data.unreadable"), count(size(facts.unreadable) + size(facts.skipped))],
        [t("data.advised"), found.choice?.recipe],
      ].filter(([, value]) => value).map(([what, value]) => h("div", {}, h("dt", {}, what), h("dd", {}, value)))),
      (facts.reading ?? []).map((line) => h("p", { class: "soft" }, line))),
    found.sheet ? h("div", { class: "card" }, h("h2", {}, t("data.sheet")), h("img", { class: "sheet", src: found.sheet, alt: t("data.sheet_alt") })) : null,
    found.hints.length ? h("div", { class: "note" }, h("ul", {}, found.hints.map((hint) => h("li", {}, rich(hint))))) : null,
    faults.map(([what, value, n]) => h("div", { class: "note warn" }, h("details", {}, h("summary", {}, t(`data.${what}_n`, { n: count(n) })), h("ul", {}, lines(value).slice(0, 50).map((line) => h("li", {}, line)))))),
    Object.keys(classes).length ? h("div", { class: "card" }, h("h2", {}, t("data.classes")), bars(classes)) : null,
    found.rows?.length ? h("div", { class: "card" }, h("h2", {}, t("data.rows")), h("div", { class: "tall" }, table(found.rows[0], found.rows.slice(1)))) : null,
    others.length ? h("div", { class: "card" }, h("h2", {}, t("data.more_facts")), others.map(([name, value]) => fact(name, value))) : null,
    fits.length ? recipes(fits, where) : null,
  ];
}

function recipes(fits, where) {
  const good = fits.filter(([, one]) => one.fits), others = fits.filter(([, one]) => !one.fits);
  return h("div", { class: "card" }, h("h2", {}, t("data.recipes")),
    table([t("start.recipe"), ""], good.map(([name, one]) => [link(name, `#/start?${where}&recipe=${encodeURIComponent(name)}`), one.says]), "named"),
    others.length ? h("details", {}, h("summary", {}, t("data.not_fitting", { n: others.length })), table([t("start.recipe"), ""], others.map(([name, one]) => [name, one.says]), "named")) : null);
}

function lastPart(name) {
  return String(name).split("/").filter(Boolean).at(-1) ?? name;
}

function size(value) {
  if (value === null || value === undefined) return 0;
  if (typeof value === "number") return value;
  return typeof value === "object" ? Object.keys(value).length : String(value).length;
}

function lines(value) {
  return Array.isArray(value) ? value.map((one) => (Array.isArray(one) ? one.join(" = ") : shown(one))) : Object.entries(value).map(([name, n]) => `${name}: ${shown(n)}`);
}

function many(names) {
  return names.length > 3 ? t("data.and_more", { some: names.slice(0, 3).join(", "), n: names.length - 3 }) : names.join(", ");
}

function bars(classes) {
  const most = Math.max(...Object.values(classes).map((n) => n ?? 0), 1);
  return h("div", { class: "classes", tabindex: "0", role: "group", "aria-label": t("data.classes") }, Object.entries(classes).map(([name, n]) => [h("span", {}, name), n === null ? h("span", {}) : bar(n / most, String(n)), h("span", {}, n === null ? "" : count(n))]));
}

// A list of records becomes a table, and everything else one line.
function fact(name, value) {
  if (Array.isArray(value) && value.length && typeof value[0] === "object" && !Array.isArray(value[0])) {
    const heads = [...new Set(value.flatMap(Object.keys))].filter((head) => value.some((row) => size(row[head]) > 0)).slice(0, 7);
    return h("div", {}, h("h3", {}, name), table(heads, value.slice(0, 100).map((row) => heads.map((head) => brief(row[head])))));
  }
  return h("p", {}, h("span", { class: "soft" }, `${name}: `), brief(value, 400));
}

function brief(value, most = 120) {
  if (typeof value === "number") return precise(value);
  if (value && typeof value === "object" && !Array.isArray(value) && Object.values(value).every((one) => typeof one === "number")) return Object.entries(value).map(([name, n]) => `${name} (${count(n)})`).join(", ").slice(0, most);
  if (Array.isArray(value) && value.every((one) => typeof one !== "object")) return value.join(", ").slice(0, most);
  return shown(value).slice(0, most);
}
