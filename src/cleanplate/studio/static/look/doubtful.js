// The frames of which the model is least sure: the best ones to correct.

import { askJson, part } from "../core/api.js";
import { el } from "../core/dom.js";
import { makeFrameList } from "../core/frame_list.js";
import { frameRange, set, watch } from "../core/state.js";
import { percent } from "../core/words.js";

const SHOWN = 8;
const AGAIN_MS = 1500;

/** The most doubtful frames that are not neighbours: one of each doubt is enough to correct. */
function apart(frames) {
  const gap = frameRange().count / 30;
  const chosen = [];
  for (const frame of frames) {
    const isFar = chosen.every(({ number }) => Math.abs(number - frame.number) >= gap);
    if (isFar && chosen.length < SHOWN) chosen.push(frame);
  }
  return chosen;
}

/** Make the strip of doubtful frames. */
export function makeDoubtful() {
  const list = makeFrameList();
  const said = el("p", { class: "hint", role: "status" });
  const element = el("section", { class: "panel-part" }, el("h2", { text: "Doubtful frames" }), list.element, said);
  let wanted = "";
  let timer = null;

  /** Look for the doubtful frames of a model, as long as the server is still looking. */
  async function follow(model) {
    stop();
    wanted = model;
    if (!model || model === "mog2") {
      set("doubtful", []);
      said.textContent = "MOG2 has no doubts of its own.";
      return;
    }
    try {
      const found = await askJson("GET", `/doubtful?model=${part(model)}`, { cache: "no-store" });
      if (wanted !== model) return;
      set("doubtful", apart(found.frames));
      const isDone = found.share === undefined || found.share >= 1;
      if (found.error) said.textContent = found.error;
      else said.textContent = isDone ? "" : `Looking through the video: ${percent(found.share, 0)}`;
      if (!isDone) timer = setTimeout(() => follow(model), AGAIN_MS);
    } catch (error) {
      if (wanted === model) said.textContent = error.message;
    }
  }

  /** Ask no more; what is on its way is not heard. */
  function stop() {
    clearTimeout(timer);
    wanted = "";
  }
  watch("doubtful", (frames) => list.show(frames.map(({ number, doubt }) => ({ number, reason: `doubt ${doubt.toFixed(2)}` }))));
  return { element, follow, stop };
}
