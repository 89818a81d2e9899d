// The page: its head, its five steps, and who is told of what.

import { ApiError } from "./core/api.js";
import { button, el } from "./core/dom.js";
import { listen } from "./core/events.js";
import { forgetFrames } from "./core/frames.js";
import { icon } from "./core/icons.js";
import { showShortcuts, useShortcuts } from "./core/keys.js";
import { noticeArea, tell } from "./core/messages.js";
import { makeSavedState } from "./core/saved.js";
import { get, refreshExports, refreshProject, refreshTraining, set, watch } from "./core/state.js";
import { makeThemeSwitch } from "./core/theme.js";
import { makeGuide } from "./bring/guide.js";
import { makeLabelView } from "./label/view.js";

// all but the heart of it is fetched once the page is there
const STEPS = [
  { name: "bring", text: "Bring in", make: async () => (await import("./bring/view.js")).makeBringIn() },
  { name: "label", text: "Label", make: makeLabelView, needsVideo: true },
  {
    name: "train",
    text: "Train",
    make: async () => (await import("./train/view.js")).makeTrainView(),
    needsVideo: true,
  },
  {
    name: "look",
    text: "Look",
    make: async () => (await import("./look/view.js")).makeLookView(),
    needsVideo: true,
  },
  {
    name: "take",
    text: "Take away",
    make: async () => (await import("./take/view.js")).makeTakeView(),
    needsVideo: true,
  },
];

const views = new Map();
const links = new Map();
let open = null; // the step that was chosen
let shown = null; // the view that is seen

function makeHead() {
  const name = el("span", { class: "project-name" });
  watch("project", (project) => {
    name.textContent = project.name;
    name.title = project.folder;
    document.title = `${project.name} · Cleanplate Studio`;
  });
  const steps = STEPS.map((step, index) => {
    const again = () => location.hash === `#${step.name}` && show(stepOfAddress()); // one that failed
    const link = el(
      "a",
      { href: `#${step.name}`, class: "step", onclick: again },
      el("span", { class: "step-number", text: `${index + 1}` }),
      el("span", { text: step.text }),
    );
    links.set(step.name, link);
    return el("li", {}, link);
  });
  const help = button("Keys", showShortcuts, { kind: "plain icon-only", icon: icon("help"), title: "Keyboard shortcuts (?)" });
  return el(
    "header",
    { class: "head" },
    el("div", { class: "brand" }, el("img", { src: "/static/icon.svg", alt: "" }), el("span", { class: "brand-name", text: "Cleanplate Studio" }), name),
    el("nav", { "aria-label": "Steps" }, el("ol", { class: "steps" }, ...steps)),
    el("div", { class: "head-end" }, makeSavedState(), help, makeThemeSwitch()),
  );
}

function stepOfAddress() {
  const name = location.hash.slice(1).split("/")[0];
  const step = STEPS.find((one) => one.name === name);
  const hasVideo = get("project")?.frames > 0;
  if (step && (hasVideo || !step.needsVideo)) return step;
  return hasVideo && !step ? STEPS[1] : STEPS[0];
}

async function show(step) {
  if (open === step) return;
  open = step;
  for (const [name, link] of links) {
    if (name === step.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const view = await tell(() => viewOf(step));
  if (!view && open === step) open = null; // so that another click tries again
  if (!view || open !== step || view === shown) return; // another step was chosen meanwhile
  if (shown) {
    shown.element.hidden = true;
    shown.hidden();
  }
  shown = view;
  view.element.hidden = false;
  useShortcuts([]);
  view.shown();
}

function viewOf(step) {
  if (!views.has(step.name)) {
    views.set(step.name, make(step));
    views.get(step.name).catch(() => views.delete(step.name)); // it is fetched anew when it is asked for
  }
  return views.get(step.name);
}

async function make(step) {
  let view;
  try {
    view = await step.make();
  } catch (error) {
    console.error(error);
    throw new ApiError(`${step.text} could not be fetched from the studio. See whether it runs, then choose the step again or reload the page.`, 0);
  }
  document.querySelector("main").append(view.element);
  return view;
}

function lockSteps(project) {
  for (const step of STEPS) {
    const isLocked = step.needsVideo && !(project.frames > 0);
    links.get(step.name).toggleAttribute("aria-disabled", isLocked);
    if (isLocked) links.get(step.name).setAttribute("aria-disabled", "true");
  }
}

function heard(event) {
  if (event.type === "lost") {
    set("online", false);
    return;
  }
  if (event.type === "hello") {
    set("online", true);
    for (const refresh of [refreshProject, refreshTraining, refreshExports]) refresh().catch(() => {});
    return;
  }
  set("event", event);
  if (["project", "labels", "region", "index"].includes(event.type)) refreshProject().catch(() => {});
  if (event.type === "training") refreshTraining().catch(() => {});
  if (event.type === "exports") refreshExports().catch(() => {});
}

function followVideo() {
  let known = null;
  watch("project", (project) => {
    const state = JSON.stringify(project.clips);
    if (known !== null && known !== state) forgetFrames();
    known = state;
    lockSteps(project);
    if (open && stepOfAddress() !== open) show(stepOfAddress()); // its video is readable now
  });
}

function followTraining() {
  let was = null;
  watch("training", ({ status }) => {
    if (was === "running" && status !== "running") refreshProject().catch(() => {}); // a new model
    was = status;
  });
}

async function start() {
  set("saved", { state: "saved", waiting: 0 });
  document.body.append(
    el("a", { class: "skip", href: "#main", text: "Skip to the content", onclick: skip }),
    makeHead(),
    el("main", { id: "main", tabindex: "-1" }),
    makeGuide(),
    noticeArea(),
  );
  await tell(refreshProject);
  if (!get("project")) return;
  followVideo();
  followTraining();
  await tell(async () => (await viewOf(STEPS[1])).recoverUnsaved());
  await show(stepOfAddress());
  window.addEventListener("hashchange", () => show(stepOfAddress()));
  listen(heard);
  document.documentElement.dataset.ready = Math.round(performance.now()); // ms, for whoever measures
  const whenIdle = window.requestIdleCallback ?? setTimeout; // Safari has none
  whenIdle(() => STEPS.forEach(viewOf)); // so that no later step waits
}

function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

start();
