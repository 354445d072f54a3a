// Where files come in: dropped, pasted, chosen, or from the camera.

import { h, id } from "./dom.js";
import { t } from "./words.js";

// options: {accept, multiple, onfiles(files)}. Returns {element, end}, where end() stops listening to the clipboard.
export function dropZone({ accept = "image/*", multiple = false, onfiles }) {
  const input = h("input", { type: "file", id: id("file"), accept, multiple, class: "sr", onchange: () => take(input.files) });
  const camera = h("input", { type: "file", id: id("camera"), accept: "image/*", capture: "environment", class: "sr", onchange: () => take(camera.files) });
  const take = (files) => {
    const found = [...files].slice(0, multiple ? 100 : 1);
    if (found.length) onfiles(found);
    input.value = camera.value = "";
  };
  const touch = accept === "image/*" && matchMedia("(pointer: coarse)").matches;
  const element = h("div", { class: "drop" },
    h("p", {}, t("drop.text")),
    h("div", { class: "actions" }, input, h("label", { class: "button", for: input.id }, multiple ? t("drop.files") : t("drop.file")),
      touch ? [camera, h("label", { class: "button", for: camera.id }, t("drop.camera"))] : null));
  element.addEventListener("dragover", (event) => { event.preventDefault(); element.classList.add("over"); });
  element.addEventListener("dragleave", () => element.classList.remove("over"));
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    element.classList.remove("over");
    take(event.dataTransfer.files);
  });
  const paste = (event) => {
    if (!element.isConnected) end();
    else if (element.checkVisibility() && event.clipboardData.files.length) take(event.clipboardData.files);
  };
  const end = () => document.removeEventListener("paste", paste);
  document.addEventListener("paste", paste);
  return { element, end };
}
