// Parts that several pages show.

import { fill, h, id } from "./dom.js";
import { known, t } from "./words.js";

export function badge(state) {
  return h("span", { class: `badge ${state.replaceAll(" ", "-")}` }, known(`states.${state.replaceAll(" ", "_")}`, state));
}

export function button(text, action, kind = "") {
  return h("button", { type: "button", class: kind, onclick: action }, text);
}

export function link(text, href, kind = "") {
  return h("a", { href, class: kind }, text);
}

export function bar(share, label) {
  const element = h("span", { class: "bar", role: "img" }, h("span", {}));
  setBar(element, share, label);
  return element;
}

export function setBar(element, share, label) {
  element.firstChild.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  element.setAttribute("aria-label", label);
}

export function toast(text, kind = "", action = null) {
  const note = h("div", { class: `toast ${kind}` }, h("span", {}, text));
  const close = () => note.remove();
  if (action) note.append(button(action.text, () => { close(); action.run(); }));
  note.append(h("button", { type: "button", class: "plain", "aria-label": t("ui.close"), onclick: close }, "×"));
  document.getElementById("toasts").append(note);
  setTimeout(close, kind === "bad" ? 15000 : 7000);
}

export function failed(error) {
  if (error.name !== "AbortError") toast(error.message, "bad");
  if (!("status" in error)) console.error(error);
}

// Runs an action of a button: the button waits, and an error is shown.
export function acting(action) {
  return async (event) => {
    const pressed = event.currentTarget;
    pressed.disabled = true;
    try {
      await action();
    } catch (error) {
      failed(error);
    } finally {
      pressed.disabled = false;
    }
  };
}

// Asks in a dialog; the answer is what `read` returns, or null.
export function ask(title, content, confirm, read = () => true, kind = "primary") {
  return new Promise((resolve) => {
    const name = id("dialog");
    const dialog = h("dialog", { "aria-labelledby": name });
    const form = h("form", { method: "dialog" }, h("h2", { id: name }, title), content,
      h("div", { class: "actions" },
        button(t("ui.cancel"), () => dialog.close()),
        h("button", { type: "submit", class: kind }, confirm)));
    let answer = null;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      answer = read();
      dialog.close();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    dialog.append(form);
    document.body.append(dialog);
    dialog.showModal();
  });
}

export function labeled(text, input, help = "") {
  const name = input.id || id("field");
  input.id = name;
  const note = help ? h("small", { id: `${name}-help` }, help) : null;
  if (note) input.setAttribute("aria-describedby", note.id);
  return h("div", { class: "field" }, h("label", { for: name }, text), input, note);
}

// Tabs: [{name, text, make}], where make(panel) fills the panel the first time that it is shown.
export function tabs(entries, chosen, onchange) {
  const list = h("div", { role: "tablist", class: "tabs" });
  const panels = h("div", {});
  const all = entries.map(({ name, text, make }) => {
    const panel = h("div", { role: "tabpanel", id: id("panel"), tabindex: "0", hidden: true });
    const tab = h("button", { type: "button", role: "tab", id: id("tab"), "aria-controls": panel.id, onclick: () => show(name) }, text);
    panel.setAttribute("aria-labelledby", tab.id);
    list.append(tab);
    panels.append(panel);
    return { name, tab, panel, make, made: false };
  });
  const show = (name, focus = false) => {
    for (const one of all) {
      const on = one.name === name;
      one.tab.setAttribute("aria-selected", String(on));
      one.tab.tabIndex = on ? 0 : -1;
      one.panel.hidden = !on;
      if (on && focus) one.tab.focus();
      if (on && !one.made) {
        one.made = true;
        one.make(one.panel);
      }
    }
    onchange?.(name);
  };
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = all.findIndex((one) => one.tab.tabIndex === 0);
    show(all[(at + step + all.length) % all.length].name, true);
  });
  show(all.some((one) => one.name === chosen) ? chosen : all[0].name);
  return h("div", {}, list, panels);
}

export function loading(root, text = t("ui.loading")) {
  return fill(root, h("p", { class: "loading", role: "status" }, h("span", { class: "spinner", "aria-hidden": "true" }), text));
}

export function problem(root, error, again) {
  if (!("status" in error)) console.error(error);
  fill(root, h("div", { class: "note bad" }, h("p", {}, error.message), again ? button(t("ui.again"), again) : null));
}

export function copyable(text) {
  const code = h("code", {}, text);
  const copy = button(t("ui.copy"), async () => {
    await navigator.clipboard.writeText(text);
    toast(t("ui.copied"));
  }, "small");
  return h("div", { class: "copy" }, code, copy);
}

export function table(heads, rows, kind = "") {
  return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": heads.filter(Boolean).join(", ") },
    h("table", { class: kind }, h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell, k) => (k ? h("td", {}, cell) : h("th", { scope: "row" }, cell))))))));
}

// A value of a recipe as text.
export function shown(value) {
  if (value === null || value === undefined) return "–";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
