// A mask to start from, made by the model or, before there is one, by what differs from the scene.

import { button, checkbox, el, fill } from "../core/dom.js";
import { icon } from "../core/icons.js";
import { get, labelOf, watch } from "../core/state.js";

const KEPT = "cleanplate-propose-always";
const SOURCES = [
  { value: "auto", text: "Best there is" },
  { value: "model", text: "The model" },
  { value: "mog2", text: "Motion (MOG2)" },
  { value: "median", text: "Difference to the empty scene" },
];
const NAMES = {
  model: "the model",
  mog2: "motion (MOG2)",
  median: "the difference to the empty scene",
  example: "the drawing itself",
};

/** Make the controls of proposals for an editor. */
export function makeProposals(editor) {
  let running = null;
  let wanted = null; // the frame that a proposal was asked for before it was open
  const source = el(
    "select",
    { id: "proposal-source" },
    ...SOURCES.map(({ value, text }) => el("option", { value, text })),
  );
  const said = el("div", { class: "proposal-state", role: "status" });
  const ask = button("Propose a mask", () => propose(), { icon: icon("spark"), title: "Propose a mask (P)" });
  const always = checkbox("on every frame", false, (on) => {
    localStorage.setItem(KEPT, on ? "1" : "0");
    if (on) opened();
  });
  const element = el(
    "div",
    { class: "proposals" },
    el("div", { class: "proposal-ask" }, ask, always.element),
    said,
  );

  // before there is a model a proposal is a guess: then it comes only when it is asked for
  watch("project", (project) => {
    const kept = localStorage.getItem(KEPT);
    always.box.checked = kept === null ? project.models.length > 0 : kept === "1";
  });

  async function propose() {
    running?.abort();
    const number = get("frame");
    if (editor.number !== number) {
      wanted = number; // it is being opened; see below
      return;
    }
    const mine = (running = new AbortController());
    fill(said, el("p", { class: "busy", text: "Making a proposal …" }));
    let isShown = false;
    try {
      isShown = await editor.propose(source.value, mine.signal);
    } catch (error) {
      if (error.name === "AbortError" || number !== get("frame")) return;
      fill(said, el("p", { class: "warning", text: error.message }));
      return;
    }
    if (isShown || running !== mine || number !== get("frame")) return;
    fill(said, el("p", { class: "hint", text: `Frame ${number} was painted on meanwhile: its proposal is not shown. P asks again.` }));
  }

  /** A frame was opened: propose if asked for meanwhile, or where that is wished and nothing is labelled. */
  function opened() {
    running?.abort();
    const isAsked = wanted === editor.number;
    wanted = null;
    if (isAsked || (always.box.checked && !editor.isLabelled && !labelOf(editor.number))) propose();
  }

  function show() {
    if (!editor.proposal) {
      fill(said);
      return;
    }
    const made = editor.proposal.source;
    const hadFocus = document.activeElement === ask;
    const take = button("Accept", accept, { kind: "primary small", icon: icon("check"), title: "Accept (Enter)" });
    fill(
      said,
      el("p", { text: `Proposed by ${NAMES[made] ?? made}. Accept it, or paint to correct it.` }),
      el(
        "div",
        { class: "row-of-buttons" },
        take,
        button("Discard", discard, { kind: "small", icon: icon("close"), title: "Discard (Esc)" }),
      ),
    );
    if (hadFocus) take.focus(); // so that Enter accepts and does not ask once more
  }

  function accept() {
    return editor.accept();
  }

  function discard() {
    running?.abort();
    editor.discard();
    show();
  }

  return { element, source, propose, opened, show, accept, discard };
}
