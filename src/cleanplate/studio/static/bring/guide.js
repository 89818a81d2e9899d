// The guided start: three steps with the drawn street, each ticked off when it is done.

import { button, el, fill } from "../core/dom.js";
import { icon } from "../core/icons.js";
import { get, watch } from "../core/state.js";

const KEPT = "cleanplate-guide";
const WANTED_LABELS = 3;

/** Show the guide from now on. */
export function startGuide() {
  localStorage.setItem(KEPT, "1");
  show();
}

const element = el("aside", { class: "guide", "aria-label": "Guided start", hidden: true });

/** The guide's element; it belongs into the page once. */
export function makeGuide() {
  watch("project", show);
  window.addEventListener("hashchange", show);
  return element;
}

function steps(project) {
  const labels = project.labels.length;
  const hasLooked = project.models.length > 0 && location.hash === "#look";
  if (hasLooked) localStorage.setItem(KEPT, "looked");
  return [
    {
      done: labels >= WANTED_LABELS,
      title: `Label ${WANTED_LABELS} frames (${Math.min(labels, WANTED_LABELS)} of ${WANTED_LABELS})`,
      text: "Paint the cars with the brush, or press P for a proposal and Enter to accept it. N goes to the next suggested frame.",
      link: "#label",
    },
    {
      done: project.models.length > 0,
      title: "Train: a quick look",
      text: "One button; watch the mask sharpen while it learns.",
      link: "#train",
    },
    {
      done: localStorage.getItem(KEPT) === "looked",
      title: "Look at what it sees",
      text: "Play the video, move the threshold, go to doubtful frames and correct them.",
      link: "#look",
    },
  ];
}

function show() {
  const project = get("project");
  element.hidden = !localStorage.getItem(KEPT) || !project?.frames;
  if (element.hidden) return;
  const list = steps(project);
  const current = list.find((step) => !step.done);
  const close = () => {
    localStorage.removeItem(KEPT);
    show();
  };
  fill(
    element,
    el(
      "ol",
      { class: "guide-steps" },
      ...list.map((step, index) =>
        el(
          "li",
          { class: step.done ? "done" : step === current ? "current" : "" },
          el("span", { class: "step-number" }, step.done ? icon("check") : `${index + 1}`),
          el("a", { href: step.link, text: step.title }),
          step.done ? el("span", { class: "unseen", text: " (done)" }) : null,
        ),
      ),
    ),
    el("p", { text: current ? current.text : "That is all there is to it. Bring in a video of your own next." }),
    button("End the guide", close, { kind: "plain small", icon: icon("close") }),
  );
}
