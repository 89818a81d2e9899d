// Whether everything painted has reached the disk, always in sight.

import { el } from "./dom.js";
import { get, watch } from "./state.js";
import { counted } from "./words.js";

const TEXTS = {
  saved: () => "All labels saved",
  saving: () => "Saving …",
  conflict: () => "Waiting for your choice",
  failed: (waiting) => `${counted(waiting, "label")} not saved`,
  offline: (waiting, kept) =>
    waiting ? `Studio stopped · ${counted(kept, "label")} kept in this browser` : "Studio stopped",
};

/** Make the line in the page's head. */
export function makeSavedState() {
  const text = el("span", {});
  const element = el("p", { class: "saved", role: "status" }, el("span", { class: "saved-dot" }), text);
  function show() {
    const { state, waiting, kept, detail } = get("saved");
    const shown = get("online") === false && state !== "conflict" ? "offline" : state;
    element.dataset.state = shown;
    text.textContent = TEXTS[shown](waiting, kept);
    element.title = detail || (shown === "offline" ? "Start it again with: cleanplate studio" : "");
  }
  watch("saved", show);
  watch("online", show);
  return element;
}
