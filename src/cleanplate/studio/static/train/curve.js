// The loss over the updates: falling means learning. One line per phase, on a logarithmic scale.

import { el, fill, svg } from "../core/dom.js";
import { phaseText } from "./words.js";

const WIDTH = 640;
const HEIGHT = 180;
const LEFT = 8;
const BOTTOM = 22;
const SMOOTHING = 0.15; // single updates scatter; the eye wants their trend

/** Make the curve; `show` takes the losses of a training. */
export function makeCurve() {
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "curve", role: "img" });
  const caption = el("figcaption", { class: "hint" });
  const element = el("figure", { class: "curve-frame" }, drawing, caption);

  function show(losses) {
    element.hidden = losses.length < 2;
    if (element.hidden) return;
    const runs = byPhase(losses);
    const values = runs.flatMap((run) => run.points.map((point) => point.value));
    const low = Math.log(Math.min(...values));
    const high = Math.max(Math.log(Math.max(...values)), low + 0.1);
    const last = runs.reduce((sum, run) => sum + run.points.length, 0);
    const x = (i) => LEFT + ((WIDTH - 2 * LEFT) * i) / Math.max(1, last - 1);
    const y = (value) => 8 + ((HEIGHT - BOTTOM - 8) * (high - Math.log(value))) / (high - low);
    let at = 0;
    const parts = [];
    for (const [i, run] of runs.entries()) {
      const start = at;
      const line = run.points.map(({ value }) => `${x(at++).toFixed(1)},${y(value).toFixed(1)}`);
      if (i) parts.push(svg("line", { x1: x(start), x2: x(start), y1: 0, y2: HEIGHT - BOTTOM, class: "phase-border" }));
      parts.push(svg("polyline", { points: line.join(" "), class: `loss ${run.phase}` }));
      if (x(at) - x(start) > 110) {
        const text = svg("text", { x: x(start) + 4, y: HEIGHT - 6, class: "phase-name" });
        text.textContent = phaseText(run.phase);
        parts.push(text);
      }
    }
    drawing.replaceChildren(...parts);
    const total = losses.at(-1);
    drawing.setAttribute("aria-label", `Error while learning, now ${total.total.toPrecision(3)} after ${total.update} updates`);
    fill(caption, `Error while learning (lower is better): ${total.total.toPrecision(3)} after ${total.update} updates. Each phase has a scale of its own.`);
  }
  return { element, show };
}

/** Split into runs of one phase, smoothed, each as a share of its first value. */
function byPhase(losses) {
  const runs = [];
  for (const { phase, total } of losses) {
    if (!(total > 0)) continue;
    if (runs.at(-1)?.phase !== phase) runs.push({ phase, first: total, mean: total, points: [] });
    const run = runs.at(-1);
    run.mean += SMOOTHING * (total - run.mean);
    run.points.push({ value: run.mean / run.first });
  }
  return runs;
}
