// The pictures of the shown frame: one or several views, of one model or of two.

import { ask, greyPixels, part } from "../core/api.js";
import { el, fill } from "../core/dom.js";
import { frame, picture } from "../core/frames.js";
import { draw } from "./pictures.js";

const VIEWS = { overlay: ["overlay"], plate: ["plate"], side: ["frame", "plate", "mask"], heat: ["heat"] };
const NAMES = { overlay: "Mask over the frame", plate: "Clean plate", frame: "Frame", mask: "Mask", heat: "Probability" };
const KEPT = 24;

/** Make the stage; `show` takes a frame's number and what to show of it. */
export function makeStage() {
  const element = el("div", { class: "stage" });
  const probabilities = new Map();
  let shown = null; // what `show` was last called with, and its pictures
  let panes = [];

  function probabilityOf(number, model) {
    const address = `/looks/${number}/probability.png?model=${part(model)}`;
    let found = probabilities.get(address);
    found ??= ask("GET", address).then((answer) => answer.blob()).then(greyPixels);
    found.catch(() => probabilities.delete(address));
    probabilities.delete(address);
    probabilities.set(address, found);
    while (probabilities.size > KEPT) probabilities.delete(probabilities.keys().next().value);
    return found;
  }

  async function fetchMoment(number, model, views) {
    const needsPlate = views.includes("plate");
    const needsProbability = views.some((view) => ["overlay", "mask", "heat"].includes(view));
    const [image, probability, plate] = await Promise.all([
      frame(number),
      needsProbability ? probabilityOf(number, model) : null,
      needsPlate ? picture(`/looks/${number}/plate.png?model=${part(model)}`) : null,
    ]);
    return { frame: image, probability, plate };
  }

  function arrange(views, models) {
    const key = `${views}|${models.map(({ name }) => name)}`;
    if (element.dataset.key === key) return;
    element.dataset.key = key;
    element.dataset.rows = models.length;
    panes = models.flatMap((model) =>
      views.map((view) => {
        const text = models.length > 1 ? `${NAMES[view]} · ${model.text}` : NAMES[view];
        const canvas = el("canvas", { role: "img", "aria-label": text });
        return { view, model, canvas, figure: el("figure", {}, el("figcaption", { text }), canvas) };
      }),
    );
    fill(element, ...panes.map((pane) => pane.figure));
    element.dataset.panes = panes.length;
  }

  /**
   * Show a frame; resolves when it is drawn.
   *
   * @param {{number: number, mode: string, models: {name: string, text: string}[], threshold: number}} what
   */
  async function show(what) {
    shown = { ...what };
    const mine = shown;
    const views = VIEWS[what.mode];
    const moments = await Promise.all(what.models.map(({ name }) => fetchMoment(what.number, name, views)));
    if (shown !== mine) return;
    arrange(views, what.models);
    mine.moments = new Map(what.models.map(({ name }, i) => [name, moments[i]]));
    redraw(what.threshold);
    element.dataset.frame = what.number;
  }

  /** Draw what is shown with another threshold. */
  function redraw(threshold) {
    if (!shown?.moments) return;
    for (const { view, model, canvas } of panes) {
      draw(canvas, view, { ...shown.moments.get(model.name), threshold });
    }
  }

  /** Fetch a frame's pictures ahead. */
  function prefetch({ number, mode, models }) {
    for (const { name } of models) fetchMoment(number, name, VIEWS[mode]).catch(() => {});
  }
  return { element, show, redraw, prefetch };
}
