// A label that was changed elsewhere while it was painted on here: both are shown, one is chosen.

import { el } from "../core/dom.js";
import { frame } from "../core/frames.js";
import { question } from "../core/messages.js";
import { PALETTE } from "./codes.js";
import { fetchLabel } from "./editor.js";

/**
 * Ask which label of a frame shall stay; `mine` is null where it was deleted here.
 *
 * @returns {Promise<"mine"|"theirs">}
 */
export async function chooseLabel(number, mine) {
  const theirs = await fetchLabel(number);
  if (theirs === mine || isSame(theirs, mine)) return "theirs";
  const picture = await frame(number);
  const shown = el(
    "div",
    { class: "conflict" },
    mine ? draw("Painted here", picture, mine) : el("p", { text: "Deleted here." }),
    theirs ? draw("Saved elsewhere", picture, theirs) : el("p", { text: "Deleted elsewhere." }),
  );
  const explained = el("p", {
    text:
      "Somebody else, another tab or the command line, changed this label while you painted. " +
      "Nothing is overwritten until you choose.",
  });
  const answers = [
    { value: "mine", text: mine ? "Keep what I painted" : "Leave it deleted", kind: "primary" },
    { value: "theirs", text: "Take the other" },
  ];
  for (;;) {
    const chosen = await question(`Frame ${number} has two labels`, [explained, shown], answers);
    if (chosen) return chosen; // Escape chooses nothing, and nothing may be chosen silently
  }
}

const isSame = (one, other) => one && other && one.codes.every((code, i) => code === other.codes[i]);

function draw(title, picture, mask) {
  const canvas = el("canvas", { role: "img", "aria-label": title });
  canvas.width = mask.width;
  canvas.height = mask.height;
  const overlay = new OffscreenCanvas(mask.width, mask.height);
  const image = new ImageData(mask.width, mask.height);
  const colours = new Uint32Array(image.data.buffer);
  mask.codes.forEach((code, i) => (colours[i] = PALETTE[code]));
  overlay.getContext("2d").putImageData(image, 0, 0);
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  context.drawImage(overlay, 0, 0);
  return el("figure", {}, canvas, el("figcaption", { text: title }));
}
