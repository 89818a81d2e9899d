// What the network sees by now, on a few frames: the frame, the clean plate, the mask.

import { el, fill } from "../core/dom.js";
import { frameAddress } from "../core/frames.js";

const VIEWS = [
  { name: "plate", text: "Clean plate" },
  { name: "mask", text: "Mask" },
];

/** Make the preview; `show` takes the state of a training. */
export function makePreview() {
  const rows = el("div", { class: "previews" });
  const waiting = el("p", { class: "hint", text: "While it learns, the clean plate and the mask of a few frames are shown here and sharpen." });
  const element = el("section", { class: "preview-part" }, el("h2", { text: "What it sees" }), waiting, rows);
  const pictures = new Map();

  function show(state) {
    const numbers = state.previews ?? [];
    // every training counts its pictures anew
    const version = `${state.model}.${state.preview_version}`;
    const isThere = numbers.length > 0 && state.preview_version > 0;
    waiting.hidden = isThere;
    rows.hidden = !isThere;
    if (!isThere) return;
    const wanted = numbers.join();
    if (rows.dataset.numbers !== wanted) {
      rows.dataset.numbers = wanted;
      fill(rows, ...numbers.map(makeRow));
    }
    for (const number of numbers) {
      for (const { name } of VIEWS) renew(number, name, version);
    }
  }

  function makeRow(number) {
    const figure = (name, text, src) => {
      const image = el("img", { alt: `${text} of frame ${number}`, src });
      pictures.set(`${number}/${name}`, image);
      return el("figure", {}, image, el("figcaption", { text: `${text}${name === "frame" ? ` ${number}` : ""}` }));
    };
    return el(
      "div",
      { class: "preview-row" },
      figure("frame", "Frame", `/api${frameAddress(number)}`),
      ...VIEWS.map(({ name, text }) => figure(name, text, null)),
    );
  }

  // the new picture replaces the old one only when it is there: nothing flickers
  function renew(number, name, version) {
    const image = pictures.get(`${number}/${name}`);
    const address = `/api/training/preview/${number}/${name}.png?v=${encodeURIComponent(version)}`;
    if (image.dataset.wanted === address) return;
    image.dataset.wanted = address;
    const next = new Image();
    next.onload = () => {
      if (image.dataset.wanted !== address) return;
      image.src = address;
      image.dataset.version = version;
    };
    next.src = address;
  }
  return { element, show };
}
