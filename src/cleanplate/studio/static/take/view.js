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
  const list = el("ul", { class: "export-list" });
  const element = el("section", { hidden: true }, el("h2", { text: "Made so far" }), list);
  let rows = new Map(); // id -> row
  watch("exports", (exports) => {
    element.hidden = exports.length === 0;
    const before = [...rows.keys()].join();
    const kept = rows;
    rows = new Map([...exports].reverse().map((one) => [one.id, kept.get(one.id) ?? makeRow(one)]));
    for (const one of exports) rows.get(one.id).show(one);
    if ([...rows.keys()].join() !== before) fill(list, ...[...rows.values()].map((row) => row.element));
  });
  return { element };
}

/** Make the row of an export; `show` takes how it stands by now. */
function makeRow({ id, kind, command }) {
  const title = KINDS.find((one) => one.kind === kind)?.title ?? kind;
  const state = el("span", { class: "hint" });
  const download = el("a", { class: "button small", href: `/api/exports/${part(id)}/file` }, icon("download"), el("span", { text: "Download" }));
  const progress = el("progress", { max: "1", "aria-label": `${title} is being made` });
  const trouble = el("p", { class: "warning" });
  const copy = button("Copy", () => copyText(command), { kind: "small", icon: icon("copy"), "aria-label": `Copy the command for ${title}` });
  const element = el(
    "li",
    { class: "export", "data-kind": kind },
    el("div", { class: "export-head" }, el("strong", { text: title }), state, download),
    progress,
    trouble,
    command ? el("div", { class: "command" }, el("code", { text: command, tabindex: "0", "aria-label": "The same on the command line" }), copy) : null,
  );

  function show({ status, share, name, error }) {
    const isRunning = status === "running" || status === "waiting";
    const said = isRunning && share ? `${STATUSES[status]}: ${percent(share, 0)}` : (STATUSES[status] ?? status);
    element.dataset.status = status;
    state.textContent = [name, said].filter(Boolean).join(" · ");
    download.hidden = status !== "done";
    download.download = name ?? "";
    download.setAttribute("aria-label", `Download ${name ?? title}`);
    progress.hidden = !isRunning;
    if (share) progress.value = share;
    else progress.removeAttribute("value");
    trouble.hidden = !error;
    trouble.textContent = error ?? "";
  }
  return { element, show };
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    notify("The command is copied: paste it into a terminal.");
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
    multiple: true,
    onchange: () => bringChosen(input, result),
  });
  const folder = el("input", {
    type: "file",
    id: "import-folder",
    class: "unseen",
    webkitdirectory: true,
    onchange: () => bringChosen(folder, result),
  });
  return el(
    "section",
    { class: "card" },
    el("h2", { text: "Import labels" }),
    el("p", { class: "hint", text: "From CVAT (segmentation mask 1.1 or COCO), labelme, COCO with polygons or run-length masks, or PNG masks, in a zip, a folder or by themselves. Labels that exist already are kept." }),
    el(
      "div",
      { class: "row-of-buttons" },
      input,
      el("label", { class: "button", for: "import-file" }, icon("upload"), el("span", { text: "Choose files" })),
      folder,
      el("label", { class: "button", for: "import-folder" }, icon("folder"), el("span", { text: "Choose a folder" })),
    ),
    result,
  );
}

/** Import what was chosen, one file after another; one that fails does not keep the others out. */
async function bringChosen(input, result) {
  const files = [...input.files].filter(({ name }) => /\.(zip|json|png)$/i.test(name));
  const isNothing = input.files.length > 0 && files.length === 0;
  input.value = "";
  if (isNothing) fill(result, el("p", { class: "warning", text: "No .zip, .json or .png is among them; choose others." }));
  if (files.length === 0) return;
  const skipped = [];
  let imported = 0;
  for (const [i, file] of files.entries()) {
    fill(result, el("p", { class: "busy", text: `Reading ${file.name} (${i + 1} of ${files.length}) …` }));
    try {
      const found = await askJson("POST", `/imports?name=${part(file.name)}`, { body: file });
      imported += found.imported.length;
      skipped.push(...found.skipped.map(({ what, why }) => `${what}: ${why}`));
    } catch (error) {
      skipped.push(error.message.includes(file.name) ? error.message : `${file.name}: ${error.message}`);
    }
  }
  const list = skipped.map((text) => el("li", { text }));
  fill(
    result,
    el("p", { text: `${counted(imported, "label")} imported.` }),
    skipped.length ? el("details", { open: imported === 0 }, el("summary", { text: `${skipped.length} left out` }), el("ul", {}, ...list)) : null,
  );
  result.scrollIntoView({ block: "nearest" });
  if (imported && get("project")) await refreshProject();
}
