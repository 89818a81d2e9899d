// Which frames to label next, each with its reason; and what more labels bring.

import { askJson } from "../core/api.js";
import { button, el } from "../core/dom.js";
import { makeFrameList } from "../core/frame_list.js";
import { icon } from "../core/icons.js";
import { get, goTo, labelOf, set, watch } from "../core/state.js";

const COUNT = 6;

/** Make the strip of suggested frames. */
export function makeSuggestions() {
  const list = makeFrameList();
  const said = el("p", { class: "hint", role: "status" });
  const ask = button("Suggest frames", () => load(), { kind: "small", icon: icon("spark") });
  const element = el(
    "section",
    { class: "panel-part" },
    el("div", { class: "part-head" }, el("h2", { text: "Label next" }), ask),
    list.element,
    said,
  );
  let asked = "";
  let hasFailed = false;

  async function load() {
    hasFailed = false;
    ask.disabled = true;
    said.textContent = "Looking through the video for frames that would help most …";
    try {
      const { frames } = await askJson("GET", `/suggestions?count=${COUNT}`, { cache: "no-store" });
      set("suggestions", frames);
      said.textContent = frames.length ? "" : "No frame is left to label.";
    } catch (error) {
      hasFailed = true;
      said.textContent = error.message;
      if (error.status === 0) asked = ""; // asked again as soon as the studio answers
    } finally {
      ask.disabled = false;
    }
  }

  function show() {
    const open = (get("suggestions") ?? []).filter(({ number }) => !labelOf(number));
    list.show(open);
    if (get("suggestions") && !open.length && !ask.disabled && !hasFailed) {
      said.textContent = "All of these are labelled. Ask again for more.";
    }
  }

  watch("suggestions", show);
  watch("project", (project) => {
    show();
    // a new video or a new model: what was suggested is out of date
    const state = `${project.frames}|${project.models.map((model) => model.name + model.made)}`;
    if (project.frames && project.indexing === null && state !== asked) {
      asked = state;
      load();
    }
  });
  return { element, next: nextSuggestion };
}

/** Go to the suggested frame that is not labelled yet; false where there is none. */
function nextSuggestion() {
  const open = (get("suggestions") ?? []).filter(
    ({ number }) => !labelOf(number) && number !== get("frame"),
  );
  if (!open.length) return false;
  goTo(open[0].number);
  return true;
}

/** Make the estimate of what more labels bring. */
export function makeEstimate() {
  const sentence = el("p", { class: "hint" });
  const element = el("section", { class: "panel-part" }, el("h2", { text: "Is it enough?" }), sentence);
  let known = null;
  watch("project", async (project) => {
    const state = project.models.map((model) => model.name + model.made).join();
    if (state === known) return;
    known = state;
    try {
      sentence.textContent = (await askJson("GET", "/estimate", { cache: "no-store" })).sentence;
    } catch (error) {
      known = null; // asked again with the next news of the project
      sentence.textContent = error.message;
    }
  });
  return element;
}
