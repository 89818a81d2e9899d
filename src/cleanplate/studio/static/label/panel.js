// The panel beside the picture: what is painted, with what, and where a label comes from.

import { button, checkbox, choice, el, field } from "../core/dom.js";
import { icon } from "../core/icons.js";
import { KINDS } from "./codes.js";

const WIDEST_BAND = 20; // pixels

/** Make the bar of tools; returns its element and how to show which is chosen. */
export function makeToolbar(tools, chosen, choose, actions) {
  const buttons = new Map();
  for (const { name, text, shape, key } of tools) {
    const made = button(text, () => choose(name), {
      kind: "tool",
      icon: icon(shape),
      title: `${text} (${key})`,
      "aria-pressed": `${name === chosen}`,
    });
    buttons.set(name, made);
  }
  const others = actions.map(({ text, shape, key, run }) =>
    button(text, run, { kind: "tool", icon: icon(shape), title: `${text} (${key})` }),
  );
  const element = el(
    "div",
    { class: "toolbar", role: "toolbar", "aria-label": "Tools", "aria-orientation": "vertical" },
    ...buttons.values(),
    el("hr"),
    ...others,
  );
  const show = (name) => {
    for (const [one, made] of buttons) made.setAttribute("aria-pressed", `${one === name}`);
  };
  return { element, show, others };
}

/** Make the choice of what is painted. */
export function makeKinds(settings, changed) {
  const made = choice(
    "Paint",
    KINDS.map(({ code, name, key, hint }) => ({
      value: `${code}`,
      text: `${name}`,
      title: `${name}: ${hint} (${key})`,
    })),
    `${settings.code}`,
    (value) => changed(Number(value)),
  );
  made.element.classList.add("kinds");
  return { element: made.element, choose: (code) => made.choose(`${code}`) };
}

/** Make the size of the brush. */
export function makeSize(settings, changed) {
  const slider = el("input", {
    type: "range",
    min: "1",
    max: "120",
    step: "1",
    value: `${2 * settings.radius}`,
    oninput: () => changed(Number(slider.value) / 2),
  });
  const told = el("output", { class: "told", text: `${2 * settings.radius} px` });
  const element = field("Brush size", el("div", { class: "slider-row" }), null);
  const row = element.querySelector(".slider-row");
  element.querySelector("label").setAttribute("for", (slider.id = "brush-size"));
  row.append(slider, told);
  const show = () => {
    slider.value = `${2 * settings.radius}`;
    told.textContent = `${2 * settings.radius} px`;
  };
  return { element, show };
}

/** Make the options: the band, who proposes, how strong the mask is shown. */
export function makeOptions(editor, surface, proposalSource) {
  let wide = editor.band || 2; // kept while the band is off
  const takeBand = () => {
    editor.band = band.box.checked ? wide : 0;
    width.disabled = !band.box.checked;
    width.value = `${wide}`;
  };
  const band = checkbox("Unknown border around foreground", editor.band > 0, takeBand);
  const width = el("input", {
    type: "number",
    min: "1",
    max: `${WIDEST_BAND}`,
    value: `${wide}`,
    class: "short",
    "aria-label": "Width of the unknown border in pixels",
    onchange: () => {
      const typed = Math.round(Number(width.value));
      if (typed > 0) wide = Math.min(WIDEST_BAND, typed); // what is no width is not taken
      takeBand();
    },
  });
  const strength = el("input", {
    type: "range",
    min: "10",
    max: "100",
    value: "100",
    id: "mask-strength",
    oninput: () => {
      surface.opacity = Number(strength.value) / 100;
      surface.ask();
    },
  });
  return el(
    "details",
    { class: "panel-part" },
    el("summary", { text: "Options" }),
    el("div", { class: "check-row" }, band.element, width, el("span", { class: "hint", text: "px" })),
    el("p", { class: "hint", text: "Edges are seldom sharp: unknown pixels are neither learned nor scored." }),
    field("Proposals are made by", proposalSource),
    field("Strength of the colours", strength),
  );
}
