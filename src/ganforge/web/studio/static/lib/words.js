// The words of the pages, in one file a language, and numbers and times as the language writes them.

let words = {};
let tag = "en";
export let language = "en";

export async function load(name, tags) {
  const answer = await fetch(`/static/words/${name}.json`);
  if (!answer.ok) throw new Error(`words/${name}.json: ${answer.status}`);
  words = await answer.json();
  language = name;
  tag = tags[name] ?? name;
  document.documentElement.lang = tag;
}

// t("runs.of", {seen: 3}) is the text of that name with {seen} filled in.
export function t(name, values = {}) {
  const text = name.split(".").reduce((part, key) => part?.[key], words);
  if (typeof text !== "string") return name;
  return text.replace(/\{(\w+)\}/g, (whole, key) => (key in values ? String(values[key]) : whole));
}

// The text of that name, or `otherwise` where the words have none.
export function known(name, otherwise) {
  const text = name.split(".").reduce((part, key) => part?.[key], words);
  return typeof text === "string" ? text : otherwise;
}

// A text that the studio sends in each language.
export function said(texts) {
  return texts[language] ?? texts.en;
}

// Formats are slow to make, and a page with charts needs the same few again and again.
const formats = new Map();
function format(kind, language_tag, options) {
  const key = `${kind.name} ${language_tag} ${JSON.stringify(options)}`;
  if (!formats.has(key)) formats.set(key, new kind(language_tag, options));
  return formats.get(key);
}

function numbers(value, language_tag, options = {}) {
  return format(Intl.NumberFormat, language_tag, options).format(value);
}

export function count(value) {
  return numbers(value, tag);
}

export function short(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size >= 10000) return numbers(value, "en", { notation: "compact", maximumSignificantDigits: 3 });
  if (size !== 0 && size < 0.001) return value.toExponential(1);
  return numbers(value, "en", { maximumSignificantDigits: size >= 1000 ? 4 : 3 });
}

export function precise(value) {
  return value === null || value === undefined ? "–" : numbers(value, "en", { maximumSignificantDigits: 5 });
}

export function percent(share) {
  return numbers(share, tag, { style: "percent" });
}

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

export function duration(seconds) {
  const [unit, size] = UNITS.find(([name, one]) => seconds >= 2 * one) ?? UNITS[3];
  return numbers(Math.round(seconds / size), tag, { style: "unit", unit, unitDisplay: "short" });
}

export function ago(time) {
  const seconds = Math.max(0, Date.now() / 1000 - time);
  const [unit, size] = UNITS.find(([name, one]) => seconds >= one) ?? UNITS[3];
  return format(Intl.RelativeTimeFormat, tag, { style: "short" }).format(-Math.round(seconds / size), unit);
}

export function clock(time) {
  return format(Intl.DateTimeFormat, tag, { dateStyle: "medium", timeStyle: "short" }).format(time * 1000);
}

export function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = value > 0 ? Math.min(units.length - 1, Math.floor(Math.log10(value) / 3)) : 0;
  return `${short(value / 1000 ** power)} ${units[power]}`;
}
