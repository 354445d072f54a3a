// The values of a log as groups of lines: what belongs together in one chart.

import { t } from "./words.js";

const MOST = 1600; // ticks that are kept

export class Curves {
  constructor(found) {
    this.ticks = found.ticks ?? {};
    this.evaluations = found.evaluations ?? {};
    this.seen = found.seen;
    this.pairs = new Map(); // name and axis of a tick's value → {points, read: ticks that are in them}
  }

  // Adds a tick or an evaluation; of very many ticks every second is dropped.
  add(event) {
    const columns = event.event === "tick" ? this.ticks : event.event === "evaluate" ? this.evaluations : null;
    if (!columns) return false;
    const length = columns.samples?.length ?? 0;
    for (const [name, value] of Object.entries(event)) {
      if (typeof value !== "number") continue;
      columns[name] ??= new Array(length).fill(null);
      columns[name][length] = value;
    }
    for (const column of Object.values(columns)) if (column.length === length) column.push(null);
    if (length > MOST) {
      for (const name of Object.keys(columns)) columns[name] = columns[name].filter((_, k) => k % 2 === 0 || k === length);
      this.pairs.clear();
    }
    this.seen += event.event === "tick" ? 1 : 0;
    return true;
  }

  // The points of a line. Those of ticks are kept, and only what has come since is added: many lines grow each second.
  points(columns, name, axis) {
    const ys = columns[name] ?? [];
    const xs = axis === "minutes" ? this.minutes(columns) : columns.samples ?? [];
    const key = `${axis}/${name}`;
    const kept = (columns === this.ticks && this.pairs.get(key)) || { points: [], read: 0 };
    if (columns === this.ticks) this.pairs.set(key, kept);
    for (; kept.read < ys.length; kept.read += 1) {
      const [x, y] = [xs[kept.read], ys[kept.read]];
      if (x !== null && x !== undefined && y !== null) kept.points.push([x, y]);
    }
    return kept.points;
  }

  // Minutes of training: ticks count them; evaluations are placed between the ticks around them.
  minutes(columns) {
    if (columns === this.ticks) return (columns.seconds ?? []).map((seconds) => (seconds === null ? null : seconds / 60));
    const { samples = [], seconds = [] } = this.ticks;
    return (columns.samples ?? []).map((at) => {
      const after = samples.findIndex((one) => one >= at);
      return samples.length ? seconds[after < 0 ? samples.length - 1 : after] / 60 : null;
    });
  }

  names(columns, prefix) {
    return Object.keys(columns).filter((name) => name.startsWith(prefix));
  }

  // [{key, title, note, bounds, level, more, names: [[label, columns, column name]]}]
  groups() {
    const { ticks, evaluations } = this;
    const top = (prefix) => this.names(ticks, prefix).filter((name) => name.split("/").length === 2).map((name) => [name.slice(prefix.length), ticks, name]);
    const inner = this.names(ticks, "loss/").filter((name) => name.split("/").length > 2).map((name) => [name.slice(5), ticks, name]);
    const found = this.names(evaluations, "metric/").map((name) => ({ key: name, title: name.slice(7), note: "", names: [["", evaluations, name]] }));
    const accuracy = this.names(ticks, "acc/").map((name) => [name === "acc/real" ? t("chart.real") : name === "acc/fake" ? t("chart.fake") : name.slice(4), ticks, name]);
    found.push(
      { key: "loss", title: t("chart.losses"), note: t("chart.losses_note"), names: top("loss/") },
      { key: "acc", title: t("chart.accuracy"), note: t("chart.accuracy_note"), bounds: [0, 1], level: 0.5, names: accuracy },
      { key: "diversity", title: t("chart.diversity"), note: t("chart.diversity_note"), level: 1, names: [["", ticks, "health/diversity"]] },
      { key: "distance", title: t("chart.distance"), note: t("chart.distance_note"), names: [["", ticks, "health/distance"]] },
      { key: "speed", title: t("chart.speed"), note: t("chart.speed_note"), names: [["", ticks, "sps"]] },
      { key: "terms", title: t("chart.terms"), note: t("chart.terms_note"), more: true, names: inner },
      { key: "logit", title: t("chart.logits"), note: t("chart.logits_note"), more: true, names: top("logit/") },
      { key: "lr", title: t("chart.rates"), note: "", more: true, names: top("lr/") },
    );
    return found.filter((group) => group.names.some(([, columns, name]) => columns[name]?.some((value) => value !== null)));
  }
}
