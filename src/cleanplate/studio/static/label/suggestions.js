// Which frames to label next, each with its reason; and what more labels bring.

import { askJson } from "../core/api.js";
import { button, el, fill } from "../core/dom.js";
import { thumbnailAddress } from "../core/frames.js";
import { icon } from "../core/icons.js";
import { get, goTo, labelOf, set, watch } from "../core/state.js";

const COUNT = 6;

/** Make the strip of suggested frames. */
export function makeSuggestions() {
  const strip = el("ol", { class: "suggestion-list" });
  const said = el("p", { class: "hint", role: "status" });
  const ask = button("Suggest frames", () => load(), { kind: "small", icon: icon("spark") });
  const element = el(
    "section",
    { class: "panel-part" },
    el("div", { class: "part-head" }, el("h2", { text: "Label next" }), ask),
    strip,
    said,
  );
  let asked = "";

  async function load() {
    ask.disabled = true;
    said.textContent = "Looking through the video for frames that would help most …";
    try {
      const { frames } = await askJson("GET", `/suggestions?count=${COUNT}`, { cache: "no-store" });
      set("suggestions", frames);
      said.textContent = frames.length ? "" : "No frame is left to label.";
    } catch (error) {
      said.textContent = error.message;
    } finally {
      ask.disabled = false;
    }
  }

  function show() {
    const open = (get("suggestions") ?? []).filter(({ number }) => !labelOf(number));
    fill(
      strip,
      ...open.map(({ number, reason }) =>
        el(
          "li",
          {},
          el(
            "button",
            {
              type: "button",
              class: "suggestion",
              "aria-current": number === get("frame") ? "true" : null,
              onclick: () => goTo(number),
            },
            el("img", { src: thumbnailAddress(number), alt: "", loading: "lazy" }),
            el("span", { class: "suggestion-number", text: `Frame ${number}` }),
            el("span", { class: "suggestion-reason", text: reason }),
          ),
        ),
      ),
    );
    if (get("suggestions") && !open.length && !ask.disabled) {
      said.textContent = "All of these are labelled. Ask again for more.";
    }
  }

  watch("suggestions", show);
  watch("frame", show);
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
  let known = "";
  watch("project", async (project) => {
    const state = project.models.map((model) => model.name + model.made).join();
    if (state === known && sentence.textContent) return;
    known = state;
    try {
      sentence.textContent = (await askJson("GET", "/estimate", { cache: "no-store" })).sentence;
    } catch (error) {
      sentence.textContent = error.message;
    }
  });
  return element;
}
