// The whole video in one line: thumbnails, a slider that steps exactly, marks of what is labelled.

import { button, el, fill, svg } from "./dom.js";
import { nearThumbnailAddress, thumbnailAddress } from "./frames.js";
import { icon } from "./icons.js";
import { frameRange, get, goTo, watch } from "./state.js";
import { clock } from "./words.js";

const THUMBNAIL_WIDTH = 92;
// Encoders put key frames no further apart than this, as a rule. Thumbnails that are can show key
// frames, which are decoded at once; closer ones would all show the same.
const KEY_DISTANCE = 250;

/**
 * Make a timeline.
 *
 * @param {object} options `marks`: () -> {number, kind}[], kinds are styled in CSS; `watched`: names
 *   of the state on which marks depend
 */
export function makeTimeline({ marks, watched }) {
  const strip = el("div", { class: "thumbnails", "aria-hidden": "true" });
  const lines = svg("svg", { class: "marks", preserveAspectRatio: "none", "aria-hidden": "true" });
  const slider = el("input", {
    type: "range",
    class: "time-slider",
    step: "1",
    "aria-label": "Frame",
    oninput: () => goTo(Number(slider.value)),
  });
  const number = el("input", {
    type: "number",
    class: "frame-number",
    "aria-label": "Frame number",
    onchange: () => {
      if (number.value === "") number.value = get("frame"); // no number leads nowhere
      else goTo(Number(number.value));
    },
  });
  const place = el("span", { class: "time-place" });
  const step = (by, name, shape) =>
    button(name, () => goTo(get("frame") + by), { kind: "icon-only", icon: icon(shape), title: name });
  const extra = el("div", { class: "time-extra" });
  const element = el(
    "section",
    { class: "timeline", "aria-label": "Timeline" },
    el(
      "div",
      { class: "time-controls" },
      step(-1, "Previous frame", "previousFrame"),
      number,
      step(1, "Next frame", "nextFrame"),
      place,
      extra,
    ),
    el("div", {}, strip, el("div", { class: "time-line" }, lines, slider)),
  );
  let shownStrip = "";

  function drawStrip() {
    const { first, last, count } = frameRange();
    const wide = strip.clientWidth;
    if (!wide || !count) return;
    const many = Math.max(1, Math.min(count, Math.floor(wide / THUMBNAIL_WIDTH)));
    const state = `${first} ${last} ${many} ${get("project").indexing === null}`;
    if (state === shownStrip) return;
    shownStrip = state;
    const numbers = Array.from({ length: many }, (_, i) =>
      Math.min(last, first + Math.round(((i + 0.5) * count) / many)),
    );
    const address = count / many >= KEY_DISTANCE ? nearThumbnailAddress : thumbnailAddress;
    fill(
      strip,
      ...numbers.map((one) =>
        el("img", { src: address(one), alt: "", draggable: "false", onclick: () => goTo(one) }),
      ),
    );
  }

  function drawMarks() {
    const { first, count } = frameRange();
    if (!count) return;
    lines.setAttribute("viewBox", `0 0 ${Math.max(1, count - 1)} 1`);
    fill(
      lines,
      ...marks().map(({ number: at, kind }) =>
        svg("line", { x1: at - first, x2: at - first, y1: 0, y2: 1, class: `mark ${kind}` }),
      ),
    );
  }

  function showPlace() {
    const { first, last, count } = frameRange();
    const at = get("frame") ?? first;
    for (const control of [slider, number]) {
      control.min = first;
      control.max = last;
      if (document.activeElement !== number || control !== number) control.value = at;
    }
    const rate = get("project")?.rate_fps;
    place.textContent = count ? `of ${last}${rate ? ` · ${clock((at - first) / rate)}` : ""}` : "";
  }

  watch("frame", () => {
    showPlace();
    if (document.activeElement === number) number.value = get("frame");
  });
  watch("project", () => {
    showPlace();
    drawStrip();
    drawMarks();
  });
  for (const name of watched) watch(name, drawMarks);
  new ResizeObserver(drawStrip).observe(strip);
  return { element, extra };
}
