// The losses over the updates: falling means learning. One line for each term of each phase, on a
// logarithmic scale, as a share of what it was when the phase began.

import { el, fill, svg } from "../core/dom.js";
import { phaseText, termText } from "./words.js";

const WIDTH = 460; // about as wide as it is shown, so that its text is readable
const HEIGHT = 150;
const LEFT = 8;
const TOP = 8;
const BOTTOM = 22;
const NAMED_PX = 140; // a phase narrower than its name goes without
const SMOOTHING = 0.15; // single updates scatter; the eye wants their trend

/** Make the curves; `show` takes the losses of a training. */
export function makeCurve() {
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "curve", role: "img" });
  const legend = el("ul", { class: "curve-legend" });
  const hint = "Lower is better. Each line begins at what its error was when the phase began.";
  const element = el("figure", { class: "curves" }, drawing, legend, el("figcaption", { class: "hint", text: hint }));

  function show(losses) {
    element.hidden = losses.length < 2;
    if (element.hidden) return;
    const runs = byPhase(losses);
    const count = runs.reduce((sum, run) => sum + run.length, 0);
    const x = (i) => LEFT + ((WIDTH - 2 * LEFT) * i) / Math.max(1, count - 1);
    const y = heightOf(runs.flatMap(({ terms }) => [...terms.values()].flatMap(({ shares }) => shares)));
    const parts = [];
    let start = 0;
    for (const { phase, terms, length } of runs) {
      if (start) parts.push(svg("line", { x1: x(start), x2: x(start), y1: 0, y2: HEIGHT - BOTTOM, class: "phase-border" }));
      for (const [term, { shares }] of terms) {
        const points = shares.map((share, i) => `${x(start + i).toFixed(1)},${y(share).toFixed(1)}`);
        parts.push(svg("polyline", { points: points.join(" "), class: `loss ${term}`, "data-phase": phase }));
      }
      if (x(start + length) - x(start) > NAMED_PX) {
        const text = svg("text", { x: x(start) + 2, y: HEIGHT - 7, class: "phase-name" });
        text.textContent = phaseText(phase);
        parts.push(text);
      }
      start += length;
    }
    drawing.replaceChildren(...parts);
    const newest = new Map(runs.flatMap(({ terms }) => [...terms]));
    const last = [...newest].map(([term, { mean }]) => ({ term, text: `${termText(term)} ${mean.toPrecision(3)}` }));
    fill(legend, ...last.map(({ term, text }) => el("li", {}, el("span", { class: `swatch ${term}` }), el("span", { text }))));
    drawing.setAttribute("aria-label", `${last.map(({ text }) => text).join(", ")} after ${losses.at(-1).update} updates`);
  }
  return { element, show };
}

/** Return where a share is drawn: the largest at the top, the smallest at the bottom. */
function heightOf(shares) {
  const low = Math.log(Math.min(...shares));
  const high = Math.max(Math.log(Math.max(...shares)), low + 0.1);
  return (share) => TOP + ((HEIGHT - BOTTOM - TOP) * (high - Math.log(share))) / (high - low);
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
