// Starts the pages: words, language, theme, navigation. A page is a module in pages/, listed in pages/index.js.

import { get } from "./lib/api.js";
import { fill, h } from "./lib/dom.js";
import { failed, loading, problem } from "./lib/ui.js";
import { language, load, t } from "./lib/words.js";
import { pages } from "./pages/index.js";

const main = document.getElementById("main");
const NAMES = { en: "English", zh: "中文" };
let about = null;
let leave = null;
let turn = 0;

function stored(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // a browser that keeps nothing
  }
}

function store(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // the choice holds until the page is closed
  }
}

const dark = matchMedia("(prefers-color-scheme: dark)");
function theme() {
  document.documentElement.dataset.theme = stored("theme") ?? (dark.matches ? "dark" : "light");
}

function where() {
  const [path, query = ""] = (location.hash.slice(1) || "/runs").split("?");
  const [name, ...rest] = path.split("/").filter(Boolean).map(decodeURIComponent);
  return { name, rest, query: new URLSearchParams(query) };
}

function pageOf({ name, rest }) {
  return pages.find((page) => page.name === name && Boolean(page.inner) === rest.length > 0) ?? pages.find((page) => page.name === name) ?? pages[0];
}

function header() {
  const shown = pageOf(where());
  const links = pages.filter((page) => page.nav).map((page) => {
    const current = page.name === shown.name;
    return h("a", { href: `#/${page.name}`, "aria-current": current ? "page" : null }, t(`nav.${page.name}`));
  });
  const languages = h("select", { "aria-label": t("nav.language"), onchange: async (event) => {
    store("language", event.target.value);
    await load(event.target.value, about.languages);
    show();
  } }, Object.keys(about.languages).map((one) => h("option", { value: one, selected: one === language }, NAMES[one] ?? one)));
  languages.value = language;
  const isDark = document.documentElement.dataset.theme === "dark";
  const switcher = h("button", { type: "button", "aria-pressed": String(isDark), "aria-label": t("nav.dark"), title: t("nav.dark"), onclick: () => {
    store("theme", isDark ? "light" : "dark");
    theme();
    header();
    document.querySelector("#top .tools button").focus();
  } }, isDark ? "☀" : "☾");
  fill(document.getElementById("top"), h("div", {},
    h("a", { class: "brand", href: "#/runs" }, h("img", { src: "/static/icon.svg", alt: "" }), "ganforge studio"),
    h("nav", { "aria-label": t("nav.pages") }, links),
    h("div", { class: "tools" }, languages, switcher)));
  document.getElementById("skip").textContent = t("nav.skip");
}

function lost(is) {
  document.querySelector(".offline")?.remove();
  if (is) document.getElementById("top").after(h("div", { class: "offline", role: "alert" }, t("ui.lost")));
}

async function show() {
  const place = where();
  const mine = ++turn;
  leave?.();
  leave = null;
  lost(false);
  const page = pageOf(place);
  header();
  loading(main);
  document.title = `${t(`nav.${page.name}`)} · ganforge studio`;
  const here = { current: () => mine === turn, title: (text) => { document.title = `${text} · ganforge studio`; }, lost, again: show };
  try {
    const end = await page.show(main, place.rest, place.query, here);
    if (mine === turn) leave = end ?? null;
    else end?.();
  } catch (error) {
    if (mine === turn) problem(main, error, show);
  }
}

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names the page
  main.focus();
});
dark.addEventListener("change", () => { theme(); header(); });
window.addEventListener("unhandledrejection", (event) => failed(event.reason));

theme();
about = await get("/api/about");
const wanted = stored("language") ?? (about.language || navigator.language.slice(0, 2));
await load(wanted in about.languages ? wanted : "en", about.languages);
window.addEventListener("hashchange", async () => { // from now on, since a link can be followed while the first page loads
  await show();
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
});
await show();
