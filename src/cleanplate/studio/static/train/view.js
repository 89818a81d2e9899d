// Train: one button, then watching it learn; it can be paused, stopped and gone on with.

import { askJson } from "../core/api.js";
import { button, el, field, fill } from "../core/dom.js";
import { icon } from "../core/icons.js";
import { tell } from "../core/messages.js";
import { frameRange, get, refreshTraining, watch } from "../core/state.js";
import { counted, percent } from "../core/words.js";
import { makeCurve } from "./curve.js";
import { makePreview } from "./preview.js";
import { QUALITIES, expectedText, shareDone, statusText, timeText } from "./words.js";

const PREVIEWS = 3;
const HELD_FROM = 4; // labels
const POLL_MS = 1500; // beside the events: a clock that stands still looks broken

/** Make the view. */
export function makeTrainView() {
  const curve = makeCurve();
  const preview = makePreview();
  const quality = makeQuality();
  let isTyped = false; // what somebody has typed is not replaced
  const previews = el("input", { type: "text", inputmode: "numeric", autocomplete: "off", oninput: () => (isTyped = previews.value !== "") });
  const before = el("p", { class: "hint" });
  const starting = button("Train", start, { kind: "primary large", icon: icon("play") });
  const controls = el("div", { class: "row-of-buttons" });
  const heading = el("h2", { class: "training-status", role: "status" });
  const bar = el("progress", { max: "1", "aria-label": "Training" });
  const times = el("p", { class: "hint" });
  const message = el("p", {});
  const running = el("section", { class: "card training-card" }, heading, bar, times, message, controls, curve.element);
  const settings = el(
    "section",
    { class: "card" },
    el("h2", { text: "Train a model" }),
    before,
    quality.element,
    field("Frames to watch", previews, "Numbers of up to five frames that are shown while it learns."),
    starting,
  );
  const element = el(
    "div",
    { class: "view page train-view", hidden: true },
    el("h1", { text: "Train" }),
    el("div", { class: "train-columns" }, el("div", { class: "train-left" }, running, settings, makeModels()), preview.element),
  );

  const numbersToWatch = () => [...previews.value.matchAll(/\d+/g)].map(Number).slice(0, 5);

  function proposePreviews() {
    if (!isTyped && document.activeElement !== previews) previews.value = choosePreviews().join(", ");
  }

  async function send(path, json) {
    await tell(() => askJson("POST", `/training${path}`, { json: json ?? {} }));
    await refreshTraining().catch(() => {});
  }

  async function start() {
    starting.disabled = true;
    await send("", { quality: quality.value(), preview: numbersToWatch() });
    showState();
  }

  const pause = button("Pause", () => send("/pause"), { icon: icon("pause") });
  const goOn = button("Go on", () => send("/continue"), { kind: "primary", icon: icon("play") });
  const stop = button("Stop and keep what is learned", () => send("/stop"), { icon: icon("check") });
  const resume = button("Go on where it was", () => send("/resume"), { kind: "primary", icon: icon("play") });
  const look = el("a", { class: "button primary", href: "#look", text: "Look at the result" });
  const CONTROLS = {
    running: [pause, stop],
    paused: [goOn, stop],
    interrupted: [resume],
    stopped: [look],
    done: [look],
    failed: [],
    idle: [],
  };

  function showState() {
    const state = get("training") ?? get("project")?.training ?? { status: "idle" };
    const isBusy = state.status === "running" || state.status === "paused";
    running.hidden = state.status === "idle";
    running.dataset.status = state.status;
    settings.hidden = isBusy;
    starting.disabled = isBusy || !canTrain();
    if (controls.dataset.status !== state.status) {
      controls.dataset.status = state.status; // else whoever has the focus there would lose it
      fill(controls, ...CONTROLS[state.status]);
    }
    look.hidden = !get("project")?.models.length;
    if (heading.textContent !== statusText(state)) heading.textContent = statusText(state); // read out
    times.textContent = timeText(state);
    message.textContent = state.message ?? "";
    message.classList.toggle("warning", state.status === "failed");
    const share = shareDone(state);
    if (share === null) bar.removeAttribute("value");
    else bar.value = share;
    bar.hidden = !isBusy;
    curve.show(state.losses ?? []);
    preview.show(state);
  }

  const canTrain = () => (get("project")?.labels.length ?? 0) > 0;

  function showLabels() {
    const project = get("project");
    const held = project.labels.filter((label) => label.held_back).length;
    const labels = project.labels.length;
    const text = starting.querySelector("span");
    text.textContent = project.models.length ? "Train again" : "Train";
    if (!labels) fill(before, "No frame is labelled yet. ", el("a", { href: "#label", text: "Label one or two first." }));
    else if (held) fill(before, `${counted(labels, "labelled frame")}; ${held} of them held back to measure how good it is.`);
    else if (labels >= HELD_FROM) fill(before, `${counted(labels, "labelled frame")}, of which every fourth will be held back to measure how good it is.`);
    else fill(before, `${counted(labels, "labelled frame")}. From ${HELD_FROM} on, every fourth is held back to measure how good it is.`);
    proposePreviews();
    showState();
  }

  // what is not known yet is only missed
  const showTimes = () => !element.hidden && !settings.hidden && quality.showTimes().catch(() => {});

  watch("project", () => {
    showLabels();
    showTimes();
  });
  watch("training", showState);
  watch("event", ({ type }) => type === "times" && showTimes());
  setInterval(() => {
    if (!element.hidden && get("training")?.status === "running") refreshTraining().catch(() => {});
  }, POLL_MS);
  return {
    element,
    shown() {
      proposePreviews();
      refreshTraining().catch(() => {});
      showTimes();
    },
    hidden() {},
  };
}

/** The frame that is open, a labelled one, and others that look different. */
function choosePreviews() {
  const { first, count } = frameRange();
  const labelled = (get("project")?.labels ?? []).map((label) => label.number);
  const spread = [0.5, 0.85, 0.2, 0.65, 0.05].map((share) => first + Math.floor(share * (count - 1)));
  const chosen = [];
  for (const number of [get("frame"), ...labelled.slice(-1), ...spread]) {
    const isFar = chosen.every((other) => Math.abs(other - number) > count / 12);
    if (number !== undefined && isFar) chosen.push(number);
  }
  return chosen.slice(0, PREVIEWS).sort((a, b) => a - b);
}

function makeQuality() {
  const times = new Map(QUALITIES.map(({ value }) => [value, el("span", { class: "quality-time" })]));
  const inputs = QUALITIES.map(({ value, text, hint }, index) => {
    const input = el("input", { type: "radio", name: "quality", value, checked: index === 0 });
    const words = el("span", { class: "hint" }, times.get(value), el("span", { text: hint }));
    return el("label", { class: "quality" }, input, el("span", {}, el("strong", { text }), words));
  });
  const element = el("fieldset", { class: "qualities" }, el("legend", { text: "How long may it take?" }), ...inputs);

  /** Say how long each takes here; it changes with the labels and with every training. */
  async function showTimes() {
    const found = await askJson("GET", "/training/times", { cache: "no-store" });
    for (const [value, said] of times) {
      const text = expectedText(found, value);
      said.textContent = text && `${text} `;
    }
  }
  return { element, showTimes, value: () => element.querySelector("input:checked").value };
}

function makeModels() {
  const body = el("tbody", {});
  const head = ["Model", "Labels", "F on labels held back"].map((text) => el("th", { scope: "col", text }));
  const table = el("table", { class: "models" }, el("thead", {}, el("tr", {}, ...head)), body);
  const element = el("section", { class: "card" }, el("h2", { text: "Your models" }), table);
  watch("project", ({ models }) => {
    element.hidden = models.length === 0;
    fill(
      body,
      ...models.map((model) =>
        el("tr", {}, el("th", { scope: "row", text: model.name }), el("td", { text: `${model.labels}` }), el("td", { text: percent(model.validation_f) })),
      ),
    );
  });
  return element;
}
