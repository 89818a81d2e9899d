// Label: paint what moves, or accept what is proposed; everything is saved as it is done.

import { button, el, fill } from "../core/dom.js";
import { icon } from "../core/icons.js";
import { showShortcuts, useShortcuts } from "../core/keys.js";
import { notify, question, tell } from "../core/messages.js";
import { frameRange, get, goTo, set, watch } from "../core/state.js";
import { makeTimeline } from "../core/timeline.js";
import { percent } from "../core/words.js";
import { FOREGROUND } from "./codes.js";
import { chooseLabel } from "./conflict.js";
import { Editor } from "./editor.js";
import { labelShortcuts } from "./label_keys.js";
import { Mask } from "./mask.js";
import { makeKinds, makeOptions, makeSize, makeToolbar } from "./panel.js";
import { followPointers } from "./pointers.js";
import { Polygon } from "./polygon.js";
import { makeProposals } from "./proposals.js";
import { makeRegion } from "./region.js";
import { onConflict, recover } from "./saver.js";
import { makeEstimate, makeSuggestions } from "./suggestions.js";
import { Surface } from "./surface.js";
import { Brush, Fill, Hand } from "./tools.js";

const TOOLS = [
  { name: "brush", text: "Brush", shape: "brush", key: "B" },
  { name: "eraser", text: "Eraser", shape: "eraser", key: "E" },
  { name: "polygon", text: "Polygon", shape: "polygon", key: "G" },
  { name: "fill", text: "Fill", shape: "fill", key: "F" },
  { name: "hand", text: "Move", shape: "hand", key: "H" },
];

/** Make the view; `shown` and `hidden` are called as it comes and goes. */
export function makeLabelView() {
  const settings = { code: FOREGROUND, radius: 8 };
  const editor = new Editor(told);
  const surface = new Surface(editor, drawTool);
  const region = makeRegion(surface, () => choose("region"));
  const tools = {
    brush: new Brush(editor, settings),
    eraser: new Brush(editor, settings, { erases: true }),
    polygon: new Polygon(surface, (points) => editor.edit((mask) => mask.polygon(points, settings.code))),
    fill: new Fill(editor, settings),
    hand: new Hand(),
    region: region.tool,
  };
  let chosen = "brush";
  const keys = { isSpaceDown: false };
  const isOpen = () => !element.hidden;

  const kinds = makeKinds(settings, (code) => setCode(code));
  const size = makeSize(settings, (radius) => setRadius(radius));
  const proposals = makeProposals(editor);
  const suggestions = makeSuggestions();
  const status = el("p", { class: "frame-state", role: "status" });
  const actions = {
    undo: () => editor.undo(),
    redo: () => editor.redo(),
    copyPrevious: () => tell(copyPrevious),
    markEmpty: () => editor.markEmpty(),
    remove: () => tell(remove),
    next: () => suggestions.next() || notify("No suggested frame is left. Ask for more suggestions."),
    labelled: (by) => goToLabelled(by),
    fit: () => (surface.viewport.fit(), surface.ask()),
    zoom: (factor) => (surface.viewport.zoom(factor), surface.ask()),
    toggleMask: () => ((surface.isMaskShown = !surface.isMaskShown), surface.ask()),
  };
  const toolbar = makeToolbar(TOOLS, chosen, choose, [
    { text: "Undo", shape: "undo", key: "Ctrl+Z", run: actions.undo },
    { text: "Redo", shape: "redo", key: "Ctrl+Y", run: actions.redo },
    { text: "Zoom in", shape: "plus", key: "+", run: () => actions.zoom(1.4) },
    { text: "Zoom out", shape: "minus", key: "-", run: () => actions.zoom(1 / 1.4) },
    { text: "Whole picture", shape: "fit", key: "0", run: actions.fit },
    { text: "Keys", shape: "help", key: "?", run: showShortcuts },
  ]);
  const timeline = makeTimeline({
    marks: () => [
      ...(get("suggestions") ?? []).map(({ number }) => ({ number, kind: "suggested" })),
      ...(get("project")?.labels ?? []).map(({ number }) => ({ number, kind: "labelled" })),
    ],
    watched: ["suggestions"],
  });
  timeline.extra.append(
    button("Next suggested frame", actions.next, { kind: "small", icon: icon("next"), title: "Next suggested frame (N)" }),
  );
  const panel = el(
    "aside",
    { class: "panel", "aria-label": "Label", tabindex: "0" },
    el("section", { class: "panel-part" }, status, kinds.element, size.element, proposals.element),
    el(
      "section",
      { class: "panel-part row-of-buttons" },
      button("Copy previous", actions.copyPrevious, { kind: "small", title: "Copy the mask from the previous labelled frame (C)" }),
      button("Nothing here", actions.markEmpty, { kind: "small", title: "Nothing moves in this frame (X)" }),
      button("Delete", actions.remove, { kind: "small", title: "Delete this frame's label" }),
    ),
    suggestions.element,
    makeEstimate(),
    makeOptions(editor, surface, proposals.source),
    region.element,
  );
  const element = el(
    "div",
    { class: "view label-view", hidden: true },
    toolbar.element,
    surface.element,
    panel,
    timeline.element,
  );
  followPointers(surface, () => tools[chosen], () => keys.isSpaceDown);

  function drawTool(context, viewport) {
    if (editor.picture) region.draw(context, viewport, editor.picture);
    tools[chosen].draw(context, viewport);
  }

  function told(what, rect) {
    if (what === "frame" || what === "proposal") surface.renew();
    if (what === "pixels") surface.paint(rect);
    if (what !== "pixels") showState();
    if (what === "frame" || what === "proposal") proposals.show();
  }

  function showState() {
    const [undo, redo] = toolbar.others;
    undo.disabled = !editor.history.canUndo;
    redo.disabled = !editor.history.canRedo;
    const share = percent(editor.foregroundShare);
    const state = editor.isLabelled ? `labelled, ${share} foreground` : "not labelled yet";
    fill(status, el("strong", { text: `Frame ${editor.number ?? "–"}` }), ` · ${state}`);
    status.classList.toggle("is-labelled", editor.isLabelled);
  }

  function choose(name) {
    if (name !== chosen) tools[chosen].abandon?.();
    chosen = name;
    toolbar.show(name);
    surface.canvas.dataset.tool = name;
    surface.ask();
  }

  function setCode(code) {
    settings.code = code;
    kinds.choose(code);
    if (chosen === "eraser" || chosen === "hand") choose("brush");
  }

  function setRadius(radius) {
    settings.radius = Math.min(60, Math.max(0.5, Math.round(2 * radius) / 2)); // whole pixels across
    size.show();
    surface.ask();
  }

  async function copyPrevious() {
    const from = await editor.copyPrevious();
    if (from === undefined) return;
    notify(from === null ? `No frame before frame ${editor.number} is labelled: there is nothing to copy.` : `Copied from frame ${from}.`);
  }

  async function remove() {
    if (!editor.isLabelled) return;
    const answers = [
      { value: "delete", text: "Delete it", kind: "danger" },
      { value: "", text: "Keep it" },
    ];
    const number = editor.number;
    const text = el("p", { text: "The frame counts as not labelled afterwards. This cannot be undone." });
    const answer = await question(`Delete the label of frame ${number}?`, [text], answers);
    if (answer === "delete" && number === editor.number) editor.remove();
  }

  function goToLabelled(by) {
    const numbers = get("project").labels.map((label) => label.number);
    const beyond = numbers.filter((number) => (number - editor.number) * by > 0);
    if (beyond.length) goTo(by > 0 ? Math.min(...beyond) : Math.max(...beyond));
  }

  const open = (number) => tell(() => editor.open(number).then(() => proposals.opened()));

  watch("frame", (number) => isOpen() && open(number));
  watch("project", () => isOpen() && tell(() => editor.followElsewhere()));
  watch("labelElsewhere", ({ number }) => tell(() => editor.takeOther(number)));
  onConflict(chooseLabel);
  surface.canvas.dataset.tool = chosen;

  const shortcuts = labelShortcuts({ actions, choose, setCode, setRadius, settings, proposals, tools, chosen: () => chosen, keys, isOpen });
  return {
    element,
    shown() {
      useShortcuts(shortcuts);
      const { first } = frameRange();
      if (get("frame") === undefined) set("frame", first);
      else open(get("frame"));
    },
    hidden() {},
    async recoverUnsaved() {
      const count = await recover((width, height, codes) => new Mask(width, height, codes));
      if (count) notify(`${count === 1 ? "A label" : `${count} labels`} that had not reached the studio was found in this browser and is saved now.`);
    },
  };
}
