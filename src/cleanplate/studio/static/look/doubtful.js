// The frames of which the model is least sure: the best ones to correct.

import { askJson, part } from "../core/api.js";
import { el, fill } from "../core/dom.js";
import { thumbnailAddress } from "../core/frames.js";
import { frameRange, get, goTo, set, watch } from "../core/state.js";
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
  const list = el("ol", { class: "suggestion-list" });
  const said = el("p", { class: "hint", role: "status" });
  const element = el("section", { class: "panel-part" }, el("h2", { text: "Doubtful frames" }), list, said);
  let wanted = "";
  let timer = null;

  /** Look for the doubtful frames of a model, as long as the server is still looking. */
  async function follow(model) {
    clearTimeout(timer);
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
      said.textContent = isDone ? "" : `Looking through the video: ${percent(found.share, 0)}`;
      if (!isDone) timer = setTimeout(() => follow(model), AGAIN_MS);
    } catch (error) {
      if (wanted === model) said.textContent = error.message;
    }
  }

  function show() {
    fill(
      list,
      ...(get("doubtful") ?? []).map(({ number, doubt }) =>
        el(
          "li",
          {},
          el(
            "button",
            { type: "button", class: "suggestion", "aria-current": number === get("frame") ? "true" : null, onclick: () => goTo(number) },
            el("img", { src: thumbnailAddress(number), alt: "", loading: "lazy" }),
            el("span", { class: "suggestion-number", text: `Frame ${number}` }),
            el("span", { class: "suggestion-reason", text: `doubt ${doubt.toFixed(2)}` }),
          ),
        ),
      ),
    );
  }
  watch("doubtful", show);
  watch("frame", show);
  return { element, follow, stop: () => clearTimeout(timer) };
}
