// The threshold, and what it does to recall and precision where labels are held back.

import { askJson, part } from "../core/api.js";
import { button, el, svg } from "../core/dom.js";
import { percent } from "../core/words.js";

const WIDTH = 240;
const HEIGHT = 90;
const NAMES = { recall: "Recall", precision: "Precision", f: "F" };

/** Make the slider with its measures. */
export function makeThreshold(changed) {
  let measures = null;
  let wanted = "";
  const slider = el("input", { type: "range", min: "0.02", max: "0.98", step: "0.01", value: "0.5", id: "threshold" });
  const told = el("output", { class: "told", for: "threshold", text: "0.50" });
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "measures-curve", role: "img" });
  const line = svg("line", { y1: 0, y2: HEIGHT, class: "threshold-line" });
  const values = new Map(["recall", "precision", "f"].map((name) => [name, el("dd", {})]));
  const figures = el(
    "dl",
    { class: "figures" },
    ...[...values].flatMap(([name, value]) => [el("dt", { text: NAMES[name], class: name }), value]),
  );
  const said = el("p", { class: "hint" });
  const chosen = button("Use the model's own threshold", () => setTo(measures?.chosen ?? 0.5), { kind: "small" });
  const element = el(
    "section",
    { class: "panel-part" },
    el("h2", { text: "Threshold" }),
    el("label", { for: "threshold", class: "hint", text: "From which probability on a pixel counts as foreground" }),
    el("div", { class: "slider-row" }, slider, told),
    drawing,
    figures,
    said,
    chosen,
  );
  slider.addEventListener("input", () => moved());

  function moved() {
    showAt();
    changed(Number(slider.value));
  }

  function setTo(value) {
    slider.value = `${value}`;
    moved();
  }

  /** Fetch what is known of a model. */
  async function follow(model) {
    if (wanted === model) return;
    wanted = model;
    measures = null;
    said.textContent = "Measuring on the labels held back …";
    show();
    try {
      const found = await askJson("GET", `/measures?model=${part(model)}`, { cache: "no-store" });
      if (wanted !== model) return;
      measures = found;
      const count = Array.isArray(found.frames) ? found.frames.length : found.frames;
      said.textContent = count
        ? `By CDNet's rules, on ${count} labelled frame${count === 1 ? "" : "s"} held back from training.`
        : "No labels are held back yet: label a few more frames to measure.";
      if (found.chosen !== null && found.chosen !== undefined) setTo(found.chosen);
    } catch (error) {
      if (wanted !== model) return;
      said.textContent = error.message;
      wanted = ""; // asked again when the view is opened again
    }
    show();
  }

  /** Show what is known of the model, whatever the threshold. */
  function show() {
    const isThere = Boolean(measures?.thresholds?.length);
    drawing.toggleAttribute("hidden", !isThere);
    figures.hidden = !isThere;
    chosen.hidden = measures?.chosen === null || measures?.chosen === undefined;
    if (isThere) drawing.replaceChildren(curve(measures, "recall"), curve(measures, "precision"), line);
    showAt();
  }

  /** Show what the threshold does: as often as the slider moves. */
  function showAt() {
    told.textContent = Number(slider.value).toFixed(2);
    if (!measures?.thresholds?.length) return;
    const at = nearest(measures.thresholds, Number(slider.value));
    for (const [name, value] of values) value.textContent = percent(measures[name]?.[at]);
    const x = Number(slider.value) * WIDTH;
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    const said = `Recall ${percent(measures.recall[at])}, precision ${percent(measures.precision[at])} at this threshold`;
    drawing.setAttribute("aria-label", said);
  }
  return { element, follow, value: () => Number(slider.value), forget: () => (wanted = "") };
}

function nearest(values, wanted) {
  let best = 0;
  values.forEach((value, i) => {
    if (Math.abs(value - wanted) < Math.abs(values[best] - wanted)) best = i;
  });
  return best;
}

function curve({ thresholds, ...measures }, kind) {
  const y = (value) => 4 + (1 - (value ?? 0)) * (HEIGHT - 8);
  const points = thresholds.map((value, i) => `${value * WIDTH},${y(measures[kind][i])}`);
  return svg("polyline", { class: `measure ${kind}`, points: points.join(" ") });
}
