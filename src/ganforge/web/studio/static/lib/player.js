// The previews of a run on a slider of time, with a button that plays them.

import { filePath } from "./api.js";
import { fill, h } from "./dom.js";
import { count, t } from "./words.js";

const IMAGES = ["png", "gif", "svg"];

export function player(run, found) {
  let previews = found;
  let timer = 0;
  const image = h("img", { alt: "", class: "crisp", onload: () => image.classList.toggle("crisp", image.naturalWidth < 800) });
  const slider = h("input", { type: "range", min: "0", step: "1", "aria-label": t("player.slider"), oninput: () => { pause(); show(); } });
  const label = h("output", { class: "soft" });
  const media = h("div", {});
  const play = h("button", { type: "button", class: "small", onclick: () => (timer ? pause() : start()) }, t("player.play"));
  const box = h("div", { class: "card player" });
  const file = (preview, ending) => filePath(run, `previews/${preview.stem}.${ending}?v=${preview.files[ending]}`);

  const show = () => {
    const preview = previews[Number(slider.value)];
    if (!preview) return;
    const text = t("player.at", { samples: count(preview.samples) });
    const ending = IMAGES.find((one) => one in preview.files);
    image.hidden = !ending;
    if (ending && image.getAttribute("src") !== file(preview, ending)) {
      image.src = file(preview, ending);
      image.alt = text;
    }
    label.textContent = text;
    slider.setAttribute("aria-valuetext", text);
    const kinds = Object.keys(preview.files).filter((one) => !IMAGES.includes(one));
    if (media.dataset.of === `${preview.stem} ${kinds}`) return;
    media.dataset.of = `${preview.stem} ${kinds}`;
    fill(media, kinds.map((one) => {
      if (one === "wav") return h("audio", { controls: true, preload: "none", src: file(preview, one), "aria-label": text });
      if (one === "mp4") return h("video", { controls: true, preload: "metadata", src: file(preview, one), "aria-label": text });
      return h("p", {}, h("a", { href: file(preview, one), target: "_blank", rel: "noopener" }, `${preview.stem}.${one}`));
    }));
  };
  const pause = () => {
    clearInterval(timer);
    timer = 0;
    play.textContent = t("player.play");
  };
  const start = () => {
    play.textContent = t("player.pause");
    if (Number(slider.value) >= previews.length - 1) slider.value = 0;
    timer = setInterval(() => {
      if (!box.isConnected) return pause();
      slider.value = Number(slider.value) + 1;
      show();
      if (Number(slider.value) >= previews.length - 1) pause();
      return null;
    }, 350);
  };
  const complete = () => previews.at(-2)?.samples ?? -1; // files of the last one may still have been on their way
  const add = (newer) => {
    const last = Number(slider.value) >= previews.length - 1;
    if (newer.length) previews = [...previews.filter((one) => one.samples < newer[0].samples), ...newer];
    slider.max = Math.max(0, previews.length - 1);
    if (last && !timer) slider.value = slider.max;
    if (!box.childElementCount || (previews.length && !box.contains(image))) {
      fill(box, h("h2", {}, t("player.title")), previews.length ? [image, media, h("div", { class: "row" }, play, slider), label] : h("p", { class: "empty" }, t("player.none")));
    }
    play.disabled = slider.disabled = previews.length < 2;
    show();
  };
  slider.max = Math.max(0, previews.length - 1);
  slider.value = slider.max;
  add([]);
  return { element: box, add, complete };
}
