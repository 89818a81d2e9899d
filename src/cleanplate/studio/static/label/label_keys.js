// The keys of the Label view.

import { get, goTo, frameRange } from "../core/state.js";
import { KINDS } from "./codes.js";

const TEN = 10;

/** Return the shortcuts, for `useShortcuts`. */
export function labelShortcuts(view) {
  const { actions, choose, setCode, setRadius, settings, proposals, tools, chosen, keys, isOpen } = view;
  const step = (by) => () => goTo(get("frame") + by);
  const polygon = () => (tools[chosen()].isOpen ? tools[chosen()] : null);
  holdSpace(keys, isOpen);
  return [
    { keys: ["ArrowLeft"], shown: "←", does: "Previous frame", run: step(-1) },
    { keys: ["ArrowRight"], shown: "→", does: "Next frame", run: step(1) },
    { keys: ["Shift+ArrowLeft"], shown: "Shift ←", does: "Ten frames back", run: step(-TEN) },
    { keys: ["Shift+ArrowRight"], shown: "Shift →", does: "Ten frames on", run: step(TEN) },
    { keys: ["Home"], shown: "Home", does: "First frame", run: () => goTo(frameRange().first) },
    { keys: ["End"], shown: "End", does: "Last frame", run: () => goTo(frameRange().last) },
    { keys: ["PageUp"], shown: "PgUp", does: "Previous labelled frame", run: () => actions.labelled(-1) },
    { keys: ["PageDown"], shown: "PgDn", does: "Next labelled frame", run: () => actions.labelled(1) },
    { keys: ["n"], shown: "N", does: "Next suggested frame", run: actions.next },
    {
      keys: ["Enter"],
      shown: "Enter",
      does: "Accept the proposal; close the polygon",
      run: () => (polygon() ? polygon().close() : proposals.accept()),
    },
    {
      keys: ["Escape"],
      shown: "Esc",
      does: "Discard the proposal; leave the polygon",
      run: () => (polygon() ? polygon().abandon() : proposals.discard()),
    },
    { keys: ["p"], shown: "P", does: "Propose a mask", run: () => proposals.propose() },
    { keys: ["c"], shown: "C", does: "Copy the mask from the previous labelled frame", run: actions.copyPrevious },
    { keys: ["x"], shown: "X", does: "Nothing moves in this frame", run: actions.markEmpty },
    ...KINDS.map(({ code, key, name }) => ({
      keys: [key],
      shown: key,
      does: `Paint ${name.toLowerCase()}`,
      run: () => setCode(code),
    })),
    { keys: ["b"], shown: "B", does: "Brush", run: () => choose("brush") },
    { keys: ["e"], shown: "E", does: "Eraser", run: () => choose("eraser") },
    { keys: ["g"], shown: "G", does: "Polygon", run: () => choose("polygon") },
    { keys: ["f"], shown: "F", does: "Fill", run: () => choose("fill") },
    { keys: ["h"], shown: "H", does: "Move the picture (or hold Space)", run: () => choose("hand") },
    { keys: ["["], shown: "[", does: "Smaller brush", run: () => setRadius(settings.radius / 1.25 - 0.5) },
    { keys: ["]"], shown: "]", does: "Larger brush", run: () => setRadius(settings.radius * 1.25 + 0.5) },
    {
      keys: ["Ctrl+z"],
      shown: "Ctrl Z",
      does: "Undo; take a corner back",
      run: () => polygon()?.back() || actions.undo(),
    },
    { keys: ["Ctrl+Shift+z", "Ctrl+y"], shown: "Ctrl Y", does: "Redo", run: actions.redo },
    { keys: ["+", "="], shown: "+", does: "Zoom in (or the wheel)", run: () => actions.zoom(1.4) },
    { keys: ["-"], shown: "-", does: "Zoom out", run: () => actions.zoom(1 / 1.4) },
    { keys: ["0"], shown: "0", does: "The whole picture", run: actions.fit },
    { keys: ["m"], shown: "M", does: "Hide or show the mask", run: actions.toggleMask },
  ];
}

/** Know whether Space is held over the picture; everywhere else it does what it does in any page. */
function holdSpace(keys, isOpen) {
  document.addEventListener("keydown", (event) => {
    if (event.key !== " " || !isOpen() || !event.target.matches("body, main, .surface")) return;
    keys.isSpaceDown = true;
    event.preventDefault();
  });
  document.addEventListener("keyup", (event) => {
    if (event.key === " ") keys.isSpaceDown = false;
  });
  window.addEventListener("blur", () => (keys.isSpaceDown = false)); // let go where nobody hears it
}
