// Elements from code. Text is always set as text: names of classes, columns and runs are data and never HTML.

const SVG = "http://www.w3.org/2000/svg";

export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled" || name === "indeterminate") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Sets the text of an element, if it is another one.
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Returns what fills an element again if what it depends on has changed; otherwise it and the focus in it stay.
export function changing(element, depends, make) {
  let before = null;
  return () => {
    const now = JSON.stringify(depends());
    if (now !== before) fill(element, make());
    before = now;
  };
}

// Returns what calls `act` at once if it has not for `rest` ms, and otherwise once they have passed; `end()` forgets it.
export function seldom(act, rest) {
  let before = -Infinity;
  let timer = 0;
  const run = () => {
    [before, timer] = [performance.now(), 0];
    act();
  };
  const ask = () => {
    timer ||= setTimeout(run, Math.max(0, before + rest - performance.now()));
  };
  return Object.assign(ask, { end: () => clearTimeout(timer) });
}

// A text with `code` in it, as elements.
export function rich(text) {
  return text.split("`").map((part, k) => (k % 2 ? h("code", {}, part) : part));
}

let last = 0;
export function id(name = "id") {
  last += 1;
  return `${name}-${last}`;
}
