// Reports of evaluations, in a frame that can do nothing to this page.

import { get, runPath, url } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { link } from "../lib/ui.js";
import { ago, t } from "../lib/words.js";

export default { name: "reports", nav: true, show };

async function show(root, [name], query, here) {
  const { reports } = await get("/api/reports");
  if (!here.current()) return;
  const chosen = name ?? reports[0]?.name;
  const found = reports.find((row) => row.name === chosen);
  if (!reports.length) {
    fill(root, h("div", { class: "head" }, h("h1", {}, t("nav.reports"))), h("div", { class: "card" }, h("p", { class: "empty" }, t("reports.none"))));
    return;
  }
  const choice = h("select", { onchange: () => { location.hash = `#/reports/${encodeURIComponent(choice.value)}`; } },
    reports.map((row) => h("option", { value: row.name }, `${row.name} · ${ago(row.report / 1e9)}`)));
  choice.value = chosen;
  const address = runPath(chosen, "/report");
  fill(root, h("div", { class: "head" }, h("h1", {}, t("nav.reports")),
    h("div", { class: "actions" }, h("label", {}, h("span", { class: "sr" }, t("reports.choose")), choice), link(t("reports.run"), `#/runs/${encodeURIComponent(chosen)}`, "button"),
      h("a", { class: "button", href: url(address, { download: 1 }), download: "" }, t("reports.download")))),
    found ? h("iframe", { class: "report", sandbox: "allow-scripts", src: url(address, { v: found.report }), title: t("reports.title", { name: chosen }) }) : h("p", { class: "empty" }, t("reports.none_of", { name: chosen })));
}
