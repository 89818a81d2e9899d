// Light or dark: as the system has it, until the switch says otherwise.

import { button } from "./dom.js";
import { icon } from "./icons.js";

const KEPT = "cleanplate-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

const chosen = () => localStorage.getItem(KEPT) ?? (system.matches ? "dark" : "light");

function apply(theme) {
  document.documentElement.dataset.theme = theme;
}

apply(chosen());

/** Make the switch between light and dark. */
export function makeThemeSwitch() {
  const made = button("", flip, { kind: "plain icon-only" });
  function show() {
    const isDark = chosen() === "dark";
    apply(chosen());
    const text = isDark ? "Switch to light colours" : "Switch to dark colours";
    made.replaceChildren(icon(isDark ? "sun" : "moon"));
    made.setAttribute("aria-label", text);
    made.title = text;
  }
  function flip() {
    localStorage.setItem(KEPT, chosen() === "dark" ? "light" : "dark");
    show();
  }
  system.addEventListener("change", show);
  show();
  return made;
}
