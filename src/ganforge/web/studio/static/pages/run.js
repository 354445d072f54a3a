// One run: what it is doing, its curves and previews as they grow, its recipe, its log.

import { filePath, follow, get, post, runPath } from "../lib/api.js";
import { chart } from "../lib/chart.js";
import { Curves } from "../lib/curves.js";
import { changing, fill, h, seldom, write } from "../lib/dom.js";
import { player } from "../lib/player.js";
import { acting, ask, badge, button, copyable, failed, labeled, link, loading, problem, shown, table, tabs, toast } from "../lib/ui.js";
import { bytes, clock, count, duration, known, short, t } from "../lib/words.js";
import { progress } from "./runs.js";

export default { name: "runs", nav: false, inner: true, show };

const STUBBORN = 60;
// To draw curves takes processor time from a training on the same machine: where more than FEW log entries arrive at
// once, the numbers follow the last of them, and curves are drawn every EVERY ms. So are previews.
const FEW = 2;
const EVERY = 8000;
const SOON = 2500; // ms, longer than until the next entries of a run that goes on

export async function show(root, [name], query, here) {
  const run = await get(runPath(name));
  if (!here.current()) return null;
  here.title(name);
  const state = h("div", { class: "head" });
  const note = h("div", {});
  const curves = new Curves(run.curves);
  const view = overview(run, curves);
  let row = run;
  const head = changing(state, () => [row.state, row.evaluating, row.own, row.model, row.report > 0, row.problem, row.form, stubborn(row)],
    () => [h("h1", {}, name), badge(row.state), row.evaluating ? badge("evaluating") : null, h("div", { class: "actions" }, actions(() => row))]);
  const notes = changing(note, () => [row.state, row.problem, row.reason, run.health_words], () => [problemNote(row), healthNote(run.health_words, row)]);
  const redraw = () => {
    head();
    notes();
    view.row(row);
  };
  let drawn = 0;
  let timer = 0;
  const draw = () => {
    clearTimeout(timer);
    [drawn, timer] = [performance.now(), 0];
    view.curves();
  };
  const look = seldom(() => view.previews().catch(failed), EVERY);
  const tab = query.get("tab");
  const body = tabs([
    { name: "overview", text: t("run.overview"), make: (panel) => fill(panel, view.element) },
    { name: "recipe", text: t("run.recipe"), make: (panel) => recipeTab(panel, name) },
    { name: "log", text: t("run.log"), make: (panel) => logTab(panel, name, run) },
    { name: "files", text: t("run.files"), make: (panel) => filesTab(panel, run) },
  ], tab, (chosen) => {
    const address = `#/runs/${encodeURIComponent(name)}${chosen === "overview" ? "" : `?tab=${chosen}`}`;
    if (location.hash !== address) history.replaceState(null, "", address);
  });
  fill(root, state, note, body);
  redraw();
  const refresh = async () => {
    const found = await get(runPath(name));
    run.health_words = found.health_words;
    redraw();
  };
  const leave = follow({ [name]: `${run.version}-${run.offset}` }, {
    runs: ({ changed, gone }) => {
      if (gone.includes(name)) location.hash = "#/runs";
      const mine = changed.find((one) => one.name === name);
      if (!mine) return;
      const grown = mine.preview !== row.preview;
      row = mine;
      redraw();
      if (grown) look();
    },
    log: ({ events }) => {
      let grown = false;
      for (const event of events) grown = curves.add(event) || grown;
      const rest = drawn + EVERY - performance.now();
      if (grown && (events.length <= FEW || rest <= 0)) draw();
      else if (grown) timer ||= setTimeout(draw, rest + SOON); // where no more entries come, with which it is drawn
      const tick = events.findLast((event) => event.event === "tick");
      if (tick) {
        row = { ...row, samples: tick.samples, seconds: tick.seconds ?? row.seconds, sps: tick.sps ?? row.sps };
        view.row(row);
      }
      run.events.push(...events.filter((event) => !["tick", "evaluate", "checkpoint"].includes(event.event)));
      if (events.some((event) => event.event === "health")) refresh().catch(failed);
    },
    reset: () => here.again(),
    lost: () => here.lost(true),
    found: () => here.lost(false),
  });
  return () => {
    clearTimeout(timer);
    look.end();
    leave();
  };
}

function stubborn(row) {
  return Boolean(row.asked) && Date.now() / 1000 - row.asked > STUBBORN;
}

// now(): the row of the run as it is when something is pressed.
function actions(now) {
  const row = now();
  const { name, state } = row;
  const go = (path, body) => post(runPath(name, path), body);
  const stop = button(t("run.stop"), acting(async () => {
    await go("/stop");
    toast(t("run.stopping"));
  }), "danger");
  const kill = button(t("run.kill"), acting(async () => {
    if (await ask(t("run.kill"), h("p", {}, t("run.kill_text")), t("run.kill"), () => true, "danger")) await go("/stop", { at_once: true });
  }), "danger");
  const resume = button(state === "finished" ? t("run.more") : t("run.resume"), acting(() => resumed(now())), state === "finished" ? "" : "primary");
  const evaluate = button(row.report ? t("run.evaluate_again") : t("run.evaluate"), acting(async () => {
    await go("/evaluate");
    toast(t("run.evaluating"));
  }));
  const remove = button(t("run.delete"), acting(async () => {
    const { trashed } = await go("/trash");
    location.hash = "#/runs";
    toast(t("run.deleted", { name }), "", trashed ? { text: t("run.undo"), run: () => post(`/api/trash/${encodeURIComponent(trashed)}/restore`).catch(failed) } : null);
  }), "danger");
  const explore = link(t("nav.explore"), `#/explore?model=${encodeURIComponent(name)}`, state === "finished" ? "button primary" : "button");
  if (["running", "starting", "stopping"].includes(state)) {
    if (!row.own) return [row.model ? explore : null, h("span", { class: "soft" }, t("run.elsewhere"))];
    return [row.model ? explore : null, state === "stopping" ? (stubborn(row) ? kill : h("span", { class: "soft" }, t("run.saving"))) : stop];
  }
  if (row.evaluating) return [button(t("run.stop_evaluation"), acting(() => go("/stop")), "danger")];
  const begun = row.planned > 0;
  return [
    begun ? resume : null,
    row.form && (row.problem || state === "failed") ? link(t("run.form"), `#/start?from=${encodeURIComponent(name)}`, begun ? "button" : "button primary") : null,
    row.model ? explore : null,
    row.model ? evaluate : null,
    row.report ? link(t("run.report"), `#/reports/${encodeURIComponent(name)}`, "button") : null,
    begun ? link(t("run.compare"), `#/compare?run=${encodeURIComponent(name)}`, "button") : null,
    remove,
  ];
}

async function resumed(row) {
  const done = row.state === "finished" && row.samples >= row.planned;
  const samples = h("input", { type: "number", min: "1", step: "1", value: done ? 2 * row.planned : row.planned });
  const body = await ask(done ? t("run.more") : t("run.resume"), [h("p", {}, done ? t("run.more_text") : t("run.resume_text")),
    labeled(t("run.samples"), samples, t("run.samples_help", { seen: count(row.samples) }))], t("run.go"), () => ({ samples: Math.round(Number(samples.value)) }));
  if (!body) return;
  await started(() => post(runPath(row.name, "/resume"), body.samples === row.planned ? {} : body), (more) => post(runPath(row.name, "/resume"), { ...body, ...more }));
}

// Starts something; where another training runs, asks whether to start it beside that one.
export async function started(first, again) {
  try {
    return await first();
  } catch (error) {
    if (error.code !== "studio.training") throw error;
    const sure = await ask(t("run.beside"), h("p", {}, t("run.beside_text")), t("run.beside_go"));
    return sure ? again({ beside: true }) : null;
  }
}

function problemNote(row) {
  const reason = row.problem || (row.state === "failed" ? row.reason : "");
  if (reason) return h("div", { class: "note bad" }, h("p", {}, h("strong", {}, t("run.problem"))), h("p", {}, reason));
  if (row.state === "crashed") return h("div", { class: "note warn" }, h("p", {}, t("run.crashed")));
  if (row.state === "starting") return h("div", { class: "note" }, h("p", { class: "loading" }, h("span", { class: "spinner", "aria-hidden": "true" }), t("run.starting")));
  return null;
}

function healthNote(words, row) {
  if (!words.state || words.state === "unsettled") return null;
  if (words.state === "healthy") return null;
  const tone = ["collapsing", "diverging"].includes(words.state) ? "bad" : "warn";
  return h("div", { class: `note ${tone}` },
    h("p", {}, h("strong", {}, words.says || known(`states.${words.state.replaceAll(" ", "_")}`, words.state))),
    h("p", {}, t("run.since", { samples: count(words.samples) }), words.why ? ` ${words.why}` : ""),
    words.advice.length ? [h("p", {}, row.state === "running" ? t("run.try_next") : t("run.try")), h("ul", {}, words.advice.map((one) => h("li", {}, one)))] : null);
}

// Curves on the left, previews and facts on the right.
function overview(run, curves) {
  let axis = "samples";
  let row = run;
  const drawn = new Map();
  const main = h("div", { class: "charts" });
  const others = h("div", { class: "charts" });
  const more = h("details", { hidden: true }, h("summary", {}, t("chart.more")), others);
  const facts = h("dl", { class: "facts" });
  const seen = player(run.name, run.previews);
  const waiting = h("p", { class: "empty card" }, t("run.no_ticks"));
  const redraw = () => {
    const groups = curves.groups();
    waiting.hidden = groups.length > 0;
    for (const group of groups) {
      const series = () => group.names.map(([name, columns, column]) => ({ name, points: curves.points(columns, column, axis) }));
      const options = { ...group, series, across: t(`chart.${axis}`) };
      if (drawn.has(group.key)) drawn.get(group.key).update(options);
      else {
        drawn.set(group.key, chart(options));
        (group.more ? others : main).append(drawn.get(group.key).element);
      }
    }
    more.hidden = !others.childElementCount;
  };
  const choice = h("select", { onchange: (event) => { axis = event.target.value; redraw(); } }, ["samples", "minutes"].map((one) => h("option", { value: one }, t(`chart.by_${one}`))));
  const element = h("div", { class: "overview" },
    h("div", {}, h("div", { class: "controls" }, h("label", {}, t("chart.across"), choice)), waiting, main, more),
    h("div", { class: "side" }, seen.element, h("div", { class: "card" }, h("div", {}), facts)));
  const bars = progress(element.querySelector(".side .card:last-child > div"));
  const values = new Map(); // what a fact is called → the element of its value
  const showRow = (next) => {
    row = next;
    bars(row);
    for (const [what, value] of [
      [t("run.recipe"), row.recipe],
      [t("run.data"), row.data],
      [t("run.speed"), row.sps ? t("run.per_second", { n: short(row.sps) }) : "–"],
      [t("run.trained"), duration(row.seconds)],
      [t("run.health"), row.health ? known(`states.${row.health.replaceAll(" ", "_")}`, row.health) : "–"],
      [t("run.device"), run.environment.device ?? "–"],
      [t("run.started"), row.started ? clock(row.started) : "–"],
      [t("run.ended"), ["running", "starting", "stopping"].includes(row.state) ? "–" : known(`ends.${row.reason}`, row.reason || "–").slice(0, 120)],
      ...(row.metric ? [[row.metric, short(row.last)], [t("run.best"), row.best_at ? t("run.best_at", { value: short(row.best), samples: short(row.best_at) }) : "–"]] : []),
    ]) {
      if (!values.has(what)) {
        values.set(what, h("dd", {}));
        facts.append(h("div", {}, h("dt", {}, what), values.get(what)));
      }
      write(values.get(what), value || "–");
    }
  };
  redraw();
  const previews = async () => seen.add(await get(runPath(run.name, "/previews"), { after: seen.complete() }));
  return { element, curves: redraw, row: showRow, previews };
}

async function recipeTab(panel, name) {
  loading(panel);
  try {
    const [text, { runs }] = await Promise.all([get(runPath(name, "/recipe")), get("/api/runs")]);
    const others = runs.filter((one) => one.name !== name && one.planned);
    const result = h("div", {});
    const choice = h("select", { onchange: async () => {
      if (!choice.value) return fill(result, h("pre", { tabindex: "0", "aria-label": t("run.recipe") }, text));
      const found = await get("/api/compare", { run: [name, choice.value] }).catch((error) => { failed(error); return null; });
      if (!found) return null;
      return fill(result, differences(found.fields, [name, choice.value]));
    } }, h("option", { value: "" }, t("run.as_text")), others.map((one) => h("option", { value: one.name }, t("run.diff_to", { name: one.name }))));
    fill(panel, h("div", { class: "controls" }, h("label", {}, t("run.show_as"), choice)), result);
    fill(result, h("pre", { tabindex: "0", "aria-label": t("run.recipe") }, text));
  } catch (error) {
    problem(panel, error);
  }
}

export function differences(fields, names) {
  const rows = Object.entries(fields).map(([path, values]) => [h("code", {}, path), ...values.map(shown)]);
  if (!rows.length) return h("p", { class: "empty" }, t("compare.same_recipe"));
  return h("div", { class: "card" }, table([t("compare.field"), ...names], rows));
}

async function logTab(panel, name, run) {
  const lines = run.events.slice(-60).reverse().map((event) => [
    event.t ? clock(event.t) : "", known(`events.${event.event}`, event.event), count(event.samples ?? 0),
    event.message ?? event.why ?? (event.reason ? known(`ends.${event.reason}`, event.reason) : event.state ?? event.device ?? ""),
  ]);
  const output = h("pre", { tabindex: "0", "aria-label": t("run.output") });
  const refresh = async () => { output.textContent = (await get(runPath(name, "/output"))) || t("run.no_output"); };
  fill(panel, h("div", { class: "card" }, h("h2", {}, t("run.events")), table([t("run.when"), t("run.event"), t("chart.samples"), ""], lines)),
    h("div", { class: "card" }, h("div", { class: "head" }, h("h2", {}, t("run.output")), button(t("ui.refresh"), acting(refresh), "small")), output));
  await refresh().catch(failed);
}

function filesTab(panel, run) {
  const rows = Object.entries(run.files).map(([file, changed]) => [h("a", { href: filePath(run.name, `${file}?v=${changed}&download=1`), download: "" }, file), known(`files.${file.replace(".", "_")}`, "")]);
  fill(panel, h("div", { class: "card" }, h("h2", {}, t("run.files")), table([t("run.file"), t("run.what")], rows), h("p", { class: "soft" }, t("run.disk", { size: bytes(run.bytes) }))),
    h("div", { class: "card" }, h("h2", {}, t("run.commands")), Object.entries(run.commands).map(([what, text]) => [h("small", {}, t(`run.command_${what}`)), copyable(text)])));
}
