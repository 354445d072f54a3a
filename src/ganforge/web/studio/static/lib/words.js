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

export function count(value) {
  return new Intl.NumberFormat(tag).format(value);
}

export function short(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size >= 10000) return new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 }).format(value);
  if (size !== 0 && size < 0.001) return value.toExponential(1);
  return new Intl.NumberFormat("en", { maximumSignificantDigits: size >= 1000 ? 4 : 3 }).format(value);
}

export function precise(value) {
  return value === null || value === undefined ? "–" : new Intl.NumberFormat("en", { maximumSignificantDigits: 5 }).format(value);
}

export function percent(share) {
  return new Intl.NumberFormat(tag, { style: "percent" }).format(share);
}

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

export function duration(seconds) {
  const [unit, size] = UNITS.find(([name, one]) => seconds >= 2 * one) ?? UNITS[3];
  return new Intl.NumberFormat(tag, { style: "unit", unit, unitDisplay: "short" }).format(Math.round(seconds / size));
}

export function ago(time) {
  const seconds = Math.max(0, Date.now() / 1000 - time);
  const [unit, size] = UNITS.find(([name, one]) => seconds >= one) ?? UNITS[3];
  return new Intl.RelativeTimeFormat(tag, { style: "short" }).format(-Math.round(seconds / size), unit);
}

export function clock(time) {
  return new Intl.DateTimeFormat(tag, { dateStyle: "medium", timeStyle: "short" }).format(time * 1000);
}

export function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = value > 0 ? Math.min(units.length - 1, Math.floor(Math.log10(value) / 3)) : 0;
  return `${short(value / 1000 ** power)} ${units[power]}`;
}
