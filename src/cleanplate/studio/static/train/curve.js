// The losses over the updates: falling means learning. A part for each phase, a line in it for each
// term of its loss, on a logarithmic scale, as a share of what it was when the phase began.

import { el, fill, svg } from "../core/dom.js";
import { phaseText, termText } from "./words.js";

const WIDTH = 460; // about as wide as it is shown, so that its text is readable
const HEIGHT = 150;
const MARGIN = 8;
const BOTTOM = 24;
const LEAST_RANGE = 0.1; // of the logarithms: what hardly changes is not blown up
const SMOOTHING = 0.15; // single updates scatter; the eye wants their trend

/** Make the curves; `show` takes the losses of a training. */
export function makeCurve() {
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "curve", role: "img" });
  const legend = el("ul", { class: "curve-legend" });
  const hint = "Lower is better. Each phase has a scale of its own, on which its errors begin together.";
  const element = el("figure", { class: "curves" }, drawing, legend, el("figcaption", { class: "hint", text: hint }));

  function show(losses) {
    element.hidden = losses.length < 2;
    if (element.hidden) return;
    const runs = byPhase(losses);
    drawing.replaceChildren(...runs.flatMap((run, i) => drawRun(run, (i * WIDTH) / runs.length, WIDTH / runs.length)));
    const newest = new Map(runs.flatMap(({ terms }) => [...terms]));
    const last = [...newest].map(([term, { mean }]) => ({ term, text: `${termText(term)} ${mean.toPrecision(3)}` }));
    fill(legend, ...last.map(({ term, text }) => el("li", {}, el("span", { class: `swatch ${term}` }), el("span", { text }))));
    drawing.setAttribute("aria-label", `${last.map(({ text }) => text).join(", ")} after ${losses.at(-1).update} updates`);
  }
  return { element, show };
}

/** Draw a phase into its part of the width: the largest error at the top, the smallest at the bottom. */
function drawRun({ phase, terms, length }, left, width) {
  const logs = [...terms.values()].flatMap(({ shares }) => shares.map(Math.log));
  const low = Math.min(...logs);
  const range = Math.max(Math.max(...logs) - low, LEAST_RANGE);
  const x = (i) => left + MARGIN + ((width - 2 * MARGIN) * i) / Math.max(1, length - 1);
  const y = (share) => MARGIN + ((HEIGHT - BOTTOM - MARGIN) * (range + low - Math.log(share))) / range;
  const name = svg("text", { x: left + MARGIN, y: HEIGHT - 7, class: "phase-name" });
  name.textContent = phaseText(phase);
  const lines = [...terms].map(([term, { shares }]) => {
    const points = shares.map((share, i) => `${x(i).toFixed(1)},${y(share).toFixed(1)}`);
    return svg("polyline", { points: points.join(" "), class: `loss ${term}`, "data-phase": phase });
  });
  const border = svg("line", { x1: left, x2: left, y1: 0, y2: HEIGHT, class: "phase-border" });
  return left ? [border, ...lines, name] : [...lines, name];
}

/**
 * Split into runs of one phase, each with its terms, smoothed.
 *
 * @returns {{phase: string, length: number, terms: Map<string, {mean: number, shares: number[]}>}[]}
 */
function byPhase(losses) {
  const runs = [];
  for (const { phase, losses: found = {} } of losses) {
    if (runs.at(-1)?.phase !== phase) runs.push({ phase, length: 0, terms: new Map() });
    const { terms } = runs.at(-1);
    for (const [term, value] of termsOf(found)) {
      if (!terms.has(term)) terms.set(term, { first: value, mean: value, shares: [] });
      const line = terms.get(term);
      line.mean += SMOOTHING * (value - line.mean);
      line.shares.push(Math.max(line.mean / line.first, Number.EPSILON));
    }
    runs.at(-1).length++;
  }
  return runs;
}

/** The terms of a loss; their total only where there are several: else it is the one there is. */
function termsOf(losses) {
  const all = Object.entries(losses);
  const isSum = all.length > 2;
  return all.filter(([term, value]) => value > 0 && (isSum || term !== "total"));
}
