// Look: play the video with what the model sees, find where it is wrong, correct it.

import { button, choice, el, field, fill } from "../core/dom.js";
import { icon } from "../core/icons.js";
import { useShortcuts } from "../core/keys.js";
import { tell } from "../core/messages.js";
import { frameRange, get, goTo, set, watch } from "../core/state.js";
import { makeTimeline } from "../core/timeline.js";
import { makeDoubtful } from "./doubtful.js";
import { makePlayer } from "./player.js";
import { makeStage } from "./stage.js";
import { makeThreshold } from "./threshold.js";

const MODES = [
  { value: "overlay", text: "Overlay" },
  { value: "plate", text: "Clean plate" },
  { value: "side", text: "Side by side" },
  { value: "heat", text: "Heat" },
];
const MOG2 = { name: "mog2", text: "MOG2 (no labels)" };

/** Make the view. */
export function makeLookView() {
  let mode = "overlay";
  const stage = makeStage();
  const threshold = makeThreshold((value) => stage.redraw(value));
  const doubtful = makeDoubtful();
  const model = el("select", { onchange: modelChanged });
  const other = el("select", { onchange: () => render() });
  const empty = el(
    "div",
    { class: "empty" },
    el("h2", { text: "There is no model yet" }),
    el("p", { text: "Label two or three frames and train; then this shows what the model sees." }),
    el("a", { class: "button primary", href: "#train", text: "Go to Train" }),
  );
  const play = button("Play", () => player.toggle(), { kind: "primary", title: "Play or pause (Space)" });
  const player = makePlayer((number) => present(number), showPlaying);
  const modes = choice("What to show", MODES, mode, (chosen) => ((mode = chosen), render()), { hideLegend: true });
  const correct = button("Correct this frame", () => (location.hash = "label"), { icon: icon("brush"), title: "Correct this frame (C)" });
  const timeline = makeTimeline({
    marks: () => [
      ...(get("doubtful") ?? []).map(({ number }) => ({ number, kind: "doubtful" })),
      ...(get("project")?.labels ?? []).map(({ number }) => ({ number, kind: "labelled" })),
    ],
    watched: ["doubtful"],
  });
  const panel = el(
    "aside",
    { class: "panel", "aria-label": "Model and measures", tabindex: "0" },
    el("section", { class: "panel-part" }, field("Model", model), field("Compare with", other)),
    threshold.element,
    doubtful.element,
  );
  const bar = el("div", { class: "look-bar" }, play, modes.element, correct);
  const main = el("div", { class: "look-main" }, bar, stage.element, empty);
  const element = el("div", { class: "view look-view", hidden: true }, main, panel, timeline.element);

  const hasModel = () => get("project").models.length > 0;

  const chosenModels = () => {
    const options = [...(get("project")?.models ?? []).map(({ name }) => ({ name, text: name })), MOG2];
    const find = (value) => options.find(({ name }) => name === value);
    return [find(model.value), find(other.value)].filter(Boolean);
  };

  function showPlaying(isPlaying) {
    fill(play, icon(isPlaying ? "pause" : "play"), el("span", { text: isPlaying ? "Pause" : "Play" }));
  }
  showPlaying(false);

  function present(number) {
    const what = { number, mode, models: chosenModels(), threshold: threshold.value() };
    const shown = stage.show(what);
    if (number < frameRange().last) shown.then(() => stage.prefetch({ ...what, number: number + 1 }), () => {});
    return shown;
  }

  function render() {
    if (element.hidden || get("frame") === undefined || player.isPlaying() || !hasModel()) return;
    stage.element.classList.add("is-busy");
    const number = get("frame");
    tell(() => present(number)).finally(() => {
      if (number === get("frame")) stage.element.classList.remove("is-busy");
    });
  }

  function modelChanged() {
    threshold.follow(model.value);
    doubtful.follow(model.value);
    render();
  }

  let known = null;
  function showModels(project) {
    const state = project.models.map(({ name, made }) => `${name} ${made}`).join();
    empty.hidden = hasModel();
    stage.element.hidden = bar.hidden = panel.hidden = !empty.hidden;
    if (state === known) return;
    known = state;
    threshold.forget();
    const before = other.value;
    const options = (list) => list.map(({ name, text }) => el("option", { value: name, text }));
    const models = project.models.map(({ name }) => ({ name, text: name }));
    fill(model, ...options([...models, MOG2]));
    fill(other, ...options([{ name: "", text: "Nothing" }, ...models, MOG2]));
    if (models.length) model.value = models[0].name; // the newest
    other.value = [...other.options].some(({ value }) => value === before) ? before : "";
    if (!element.hidden && hasModel()) modelChanged();
  }

  watch("project", showModels);
  watch("frame", render);
  const step = (by) => () => (player.stop(), goTo(get("frame") + by));
  const shortcuts = [
    { keys: [" "], shown: "Space", does: "Play or pause", run: () => hasModel() && player.toggle() },
    { keys: ["ArrowLeft"], shown: "←", does: "Previous frame", run: step(-1) },
    { keys: ["ArrowRight"], shown: "→", does: "Next frame", run: step(1) },
    { keys: ["Shift+ArrowLeft"], shown: "Shift ←", does: "Ten frames back", run: step(-10) },
    { keys: ["Shift+ArrowRight"], shown: "Shift →", does: "Ten frames on", run: step(10) },
    { keys: ["d"], shown: "D", does: "Next doubtful frame", run: nextDoubtful },
    { keys: ["c"], shown: "C", does: "Correct this frame", run: () => (location.hash = "label") },
    ...MODES.map(({ value, text }, i) => ({
      keys: [`${i + 1}`],
      shown: `${i + 1}`,
      does: text,
      run: () => {
        mode = value;
        modes.choose(value);
        render();
      },
    })),
  ];

  function nextDoubtful() {
    player.stop();
    const numbers = (get("doubtful") ?? []).map(({ number }) => number);
    if (numbers.length) goTo(numbers[(numbers.indexOf(get("frame")) + 1) % numbers.length]);
  }

  return {
    element,
    shown() {
      useShortcuts(shortcuts);
      if (get("frame") === undefined) set("frame", frameRange().first);
      if (hasModel()) modelChanged();
    },
    hidden() {
      player.stop();
      doubtful.stop();
    },
  };
}
