// Take away: the model and what it sees, as files; and labels from other programs brought in.

import { askJson, part } from "../core/api.js";
import { button, el, field, fill } from "../core/dom.js";
import { icon } from "../core/icons.js";
import { notify, tell } from "../core/messages.js";
import { get, refreshExports, refreshProject, watch } from "../core/state.js";
import { counted, percent } from "../core/words.js";

const KINDS = [
  { kind: "model", title: "Model file", text: "For cleanplate segment and live, and for Python. It holds a picture of your scene." },
  { kind: "masks", title: "Masks as pictures", text: "A PNG for each frame: white is foreground." },
  { kind: "cdnet", title: "Masks for CDNet", text: "The zip that changedetection.net takes." },
  { kind: "coco", title: "COCO JSON", text: "Objects of each frame with run-length masks." },
  { kind: "overlay", title: "Overlay video", text: "The video with the mask drawn over it." },
  { kind: "plate", title: "Clean plate", text: "The scene with nobody in it, as a picture." },
  { kind: "onnx", title: "ONNX", text: "The network for other programs and devices." },
];
const STATUSES = { waiting: "Waiting", running: "Being made", done: "Ready", failed: "Failed" };

/** Make the view. */
export function makeTakeView() {
  const model = el("select", {});
  const cards = el("div", { class: "cards exports" });
  const list = makeList();
  const empty = el(
    "div",
    { class: "empty" },
    el("h2", { text: "There is no model to take away yet" }),
    el("p", { text: "Train one first; labels can be imported meanwhile." }),
    el("a", { class: "button primary", href: "#train", text: "Go to Train" }),
  );
  const chooser = field("Model", model);
  fill(
    cards,
    ...KINDS.map(({ kind, title, text }) =>
      el(
        "section",
        { class: "card" },
        el("h3", { text: title }),
        el("p", { class: "hint", text }),
        button("Make it", () => start(kind), { icon: icon("download"), "aria-label": `Make: ${title}`, "data-kind": kind }),
      ),
    ),
  );
  const element = el(
    "div",
    { class: "view page take-view", hidden: true },
    el("h1", { text: "Take away" }),
    empty,
    chooser,
    cards,
    list.element,
    makeImport(),
  );

  async function start(kind) {
    await tell(() => askJson("POST", "/exports", { json: { kind, model: model.value } }));
    await refreshExports().catch(() => {});
    list.element.scrollIntoView({ block: "nearest" });
  }

  watch("project", ({ models }) => {
    empty.hidden = models.length > 0;
    chooser.hidden = cards.hidden = !empty.hidden;
    const before = model.value;
    fill(model, ...models.map(({ name }) => el("option", { value: name, text: name })));
    if (models.some(({ name }) => name === before)) model.value = before;
    else if (models.length) model.value = models[0].name; // the newest
  });
  return {
    element,
    shown() {
      refreshExports().catch(() => {});
    },
    hidden() {},
  };
}

function makeList() {
  const rows = el("ul", { class: "export-list" });
  const element = el("section", { hidden: true }, el("h2", { text: "Made so far" }), rows);
  watch("exports", (exports) => {
    element.hidden = exports.length === 0;
    fill(rows, ...[...exports].reverse().map(makeRow));
  });
  return { element };
}

function makeRow({ id, kind, status, share, name, command, error }) {
  const title = KINDS.find((one) => one.kind === kind)?.title ?? kind;
  const isRunning = status === "running" || status === "waiting";
  const state = isRunning && share ? `${STATUSES[status]}: ${percent(share, 0)}` : (STATUSES[status] ?? status);
  const copy = button("Copy", () => copyText(command), { kind: "small", icon: icon("copy"), "aria-label": `Copy the command for ${title}` });
  return el(
    "li",
    { class: `export ${status}`, "data-kind": kind, "data-status": status },
    el(
      "div",
      { class: "export-head" },
      el("strong", { text: title }),
      el("span", { class: "hint", text: [name, state].filter(Boolean).join(" · ") }),
      status === "done"
        ? el("a", { class: "button small", href: `/api/exports/${part(id)}/file`, download: name ?? "", "aria-label": `Download ${name ?? title}` }, icon("download"), el("span", { text: "Download" }))
        : null,
    ),
    isRunning ? el("progress", { max: "1", value: share || null, "aria-label": `${title} is being made` }) : null,
    error ? el("p", { class: "warning", text: error }) : null,
    command ? el("div", { class: "command" }, el("code", { text: command, tabindex: "0", "aria-label": "The same on the command line" }), copy) : null,
  );
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    notify("Copied.");
  } catch {
    notify("The browser does not allow copying here; select the line and copy it by hand.");
  }
}

function makeImport() {
  const result = el("div", { class: "import-result", role: "status" });
  const input = el("input", {
    type: "file",
    id: "import-file",
    class: "unseen",
    accept: ".zip,.json,.png",
    onchange: async () => {
      const [file] = input.files;
      input.value = "";
      if (file) await bringLabels(file, result);
    },
  });
  return el(
    "section",
    { class: "card import-card" },
    el("h2", { text: "Import labels" }),
    el("p", { class: "hint", text: "From CVAT (segmentation mask 1.1 or COCO), labelme, COCO with polygons or run-length masks, or a zip of PNG masks. Labels that exist already are kept." }),
    input,
    el("label", { class: "button", for: "import-file" }, icon("upload"), el("span", { text: "Choose a zip or JSON file" })),
    result,
  );
}

async function bringLabels(file, result) {
  fill(result, el("p", { class: "busy", text: `Reading ${file.name} …` }));
  try {
    const found = await askJson("POST", `/imports?name=${part(file.name)}`, { body: file });
    const skipped = found.skipped.map(({ what, why }) => el("li", { text: `${what}: ${why}` }));
    fill(
      result,
      el("p", { text: `${counted(found.imported.length, "label")} imported.` }),
      skipped.length ? el("details", {}, el("summary", { text: `${skipped.length} left out` }), el("ul", {}, ...skipped)) : null,
    );
    if (found.imported.length && get("project")) await refreshProject();
  } catch (error) {
    fill(result, el("p", { class: "warning", text: error.message }));
  }
}
