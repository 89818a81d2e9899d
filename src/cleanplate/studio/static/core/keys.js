// Keyboard shortcuts: one list per view, shown by the help overlay and obeyed by the page.

import { checkbox, el } from "./dom.js";
import { question } from "./messages.js";

const OFF = "cleanplate-single-keys-off";
let areSingleKeysOn = !localStorage.getItem(OFF);
const HELP = { keys: ["?"], shown: "?", does: "This list", run: showShortcuts };
let active = [HELP];

/**
 * Make a view's shortcuts the ones that count.
 *
 * @param {{keys: string[], shown: string, does: string, run: Function}[]} shortcuts; a key is
 *   written as "b", "Shift+ArrowLeft" or "Ctrl+z" (Command on a Mac)
 */
export function useShortcuts(shortcuts) {
  active = [...shortcuts, HELP];
}

function written(event) {
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push("Ctrl");
  // signs such as ? and + are typed with Shift already
  if (event.shiftKey && (event.key.length > 1 || /[a-z]/i.test(event.key))) parts.push("Shift");
  parts.push(event.key.length === 1 ? event.key.toLowerCase() : event.key);
  return parts.join("+");
}

/** Whether the element that has the focus uses keys itself. */
function isTaken(target, key) {
  if (document.querySelector("dialog[open]")) return true;
  if (target.closest("textarea, select, input:not([type=checkbox], [type=radio], [type=range])")) return true;
  if (target.closest("[type=range], [type=radio]")) return /^(Shift\+)?(Arrow|Home|End|Page)/.test(key);
  if (target.closest("[type=checkbox]")) return key === " ";
  if (target.closest("button, a, summary")) return key === "Enter" || key === " ";
  return false;
}

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.defaultPrevented) return;
  const key = written(event);
  if (isTaken(event.target, key)) return;
  const isSingle = event.key.length === 1 && !key.startsWith("Ctrl");
  if (isSingle && !areSingleKeysOn) return;
  const found = active.find(({ keys }) => keys.includes(key));
  if (!found) return;
  event.preventDefault();
  found.run(event);
});

/** Show what the keys do. */
export function showShortcuts() {
  const own = active.length > 1 ? null : el("p", { class: "hint", text: "This step has no keys of its own; Label and Look have." });
  const rows = active.map(({ shown, does }) =>
    el("tr", {}, el("td", {}, ...keycaps(shown)), el("td", { text: does })),
  );
  const single = checkbox("Keys of one letter", areSingleKeysOn, (on) => {
    areSingleKeysOn = on;
    if (on) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  });
  const head = el("tr", {}, el("th", { text: "Key" }), el("th", { text: "What it does" }));
  const table = el("table", { class: "keys" }, el("thead", {}, head), el("tbody", {}, ...rows));
  question("Keyboard shortcuts", [own, el("div", { class: "keys-frame", tabindex: "0", role: "region", "aria-label": "List of keys" }, table), single.element], [
    { value: "close", text: "Close", kind: "primary" },
  ]);
}

function keycaps(shown) {
  return shown.split(" ").map((key) => el("kbd", { text: key }));
}
