// Elements made by hand: text is always text, so nothing a file is called can become markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element.
 *
 * @param {string} tag such as "button"
 * @param {object} [attributes] `class`, `text`, `onclick` and its kin, `hidden`, or any attribute;
 *   null, undefined and false leave one out, true sets it empty
 * @param {...(Node|string|null)} children
 */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") made.textContent = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && typeof value !== "string") made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Make an SVG element with attributes and children. */
export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Make a button of text, and perhaps an icon before it. */
export function button(text, onclick, { kind = "", icon = null, title = null, ...more } = {}) {
  return el(
    "button",
    { type: "button", class: `button ${kind}`, onclick, title, ...more },
    icon,
    el("span", { text }),
  );
}

let counter = 0;

/** Make a labelled control: the label above, an explanation below that is read out with it. */
export function field(label, control, hint = null) {
  control.id ||= `control-${++counter}`;
  const parts = [el("label", { for: control.id, text: label }), control];
  if (hint) {
    const explained = el("p", { class: "hint", id: `${control.id}-hint`, text: hint });
    control.setAttribute("aria-describedby", explained.id);
    parts.push(explained);
  }
  return el("div", { class: "field" }, ...parts);
}

/** Make a checkbox with its label beside it. */
export function checkbox(label, checked, onchange) {
  const box = el("input", { type: "checkbox", checked, onchange: () => onchange(box.checked) });
  return { element: el("label", { class: "check" }, box, el("span", { text: label })), box };
}

/** Make a group of which one is chosen, as radio buttons that look like one bar. */
export function choice(legend, options, chosen, onchange, { hideLegend = false } = {}) {
  const name = `choice-${++counter}`;
  const inputs = options.map(({ value, text, title }) => {
    const input = el("input", {
      type: "radio",
      name,
      value,
      checked: value === chosen,
      onchange: () => onchange(value),
    });
    return { value, input, label: el("label", { title }, input, el("span", { text })) };
  });
  const element = el(
    "fieldset",
    { class: "choice" },
    el("legend", { text: legend, class: hideLegend ? "unseen" : "" }),
    el("div", { class: "choice-bar" }, ...inputs.map((one) => one.label)),
  );
  const choose = (value) => {
    for (const one of inputs) one.input.checked = one.value === value;
  };
  return { element, choose };
}

/** Replace what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}
