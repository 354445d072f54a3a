// Requests to the studio, and the one stream of events that a page follows.

import { known, language } from "./words.js";

export class Refused extends Error {
  constructor(code, message, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export function url(path, query = {}) {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) for (const one of [value].flat()) found.append(name, one);
  const text = found.toString();
  return text ? `${path}?${text}` : path;
}

async function request(path, options, raw = false) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Refused("web.unreachable", known("errors.web_unreachable", "The studio does not answer."), 0);
  }
  if (raw && answer.ok) return { blob: await answer.blob(), name: nameIn(answer.headers.get("content-disposition") ?? "") };
  const kind = answer.headers.get("content-type") ?? "";
  const body = kind.startsWith("application/json") ? await answer.json() : await answer.text();
  if (answer.ok) return body;
  const { code = "", message = String(answer.status) } = body.error ?? {};
  const title = known(`errors.${code.replaceAll(".", "_")}`, "");
  throw new Refused(code, title || message, answer.status);
}

export function get(path, query = {}) {
  return request(url(path, { ...query, lang: language }), {});
}

export function post(path, body = {}) {
  return request(url(path, { lang: language }), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

// The file that a request is answered with: {blob, name}. `body` is an object for JSON, or a form.
export function file(path, body) {
  const form = body instanceof FormData;
  const headers = form ? {} : { "content-type": "application/json" };
  return request(url(path, { lang: language }), { method: "POST", headers, body: form ? body : JSON.stringify(body) }, true);
}

export function upload(path, form) {
  return request(url(path, { lang: language }), { method: "POST", body: form });
}

function nameIn(disposition) {
  return /filename="([^"]+)"/.exec(disposition)?.[1] ?? "";
}

export function modelPath(name, rest = "") {
  return `/api/models/${encodeURIComponent(name)}${rest}`;
}

export function runPath(name, rest = "") {
  return `/api/runs/${encodeURIComponent(name)}${rest}`;
}

export function filePath(name, file) {
  const [path, query] = file.split("?");
  const safe = path.split("/").map(encodeURIComponent).join("/");
  return `${runPath(name, `/files/${safe}`)}${query ? `?${query}` : ""}`;
}

const REST = 3000; // ms after which a hidden page stops to follow

// Follows the list of runs and the logs of some: on = {runs, log, reset, lost, found}. A page that nobody sees rests, and
// gets all that it missed when it is seen again. Returns what ends it.
export function follow(places, on) {
  const names = Object.keys(places);
  let from = names.map((name) => places[name]).join(",");
  let source = null;
  let timer = 0;
  let lost = false;
  const open = () => {
    source = new EventSource(url("/api/stream", { run: names, from }));
    source.onopen = () => {
      if (lost) on.found?.();
      lost = false;
    };
    for (const kind of ["runs", "log", "reset"]) {
      source.addEventListener(kind, (event) => {
        from = event.lastEventId || from;
        on[kind]?.(JSON.parse(event.data));
      });
    }
    source.onerror = () => {
      if (!lost) on.lost?.();
      lost = true;
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, 3000); // a refusal closes it for good
    };
  };
  const rest = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(() => source.close(), REST);
    else if (source.readyState === EventSource.CLOSED) open();
  };
  document.addEventListener("visibilitychange", rest);
  open();
  return () => {
    document.removeEventListener("visibilitychange", rest);
    clearTimeout(timer);
    source.close();
  };
}
