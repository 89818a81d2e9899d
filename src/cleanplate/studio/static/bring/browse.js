// Choosing a video or a folder of pictures on the machine that runs the studio.

import { askJson, part } from "../core/api.js";
import { button, el, fill } from "../core/dom.js";
import { icon } from "../core/icons.js";
import { bytes } from "../core/words.js";

/**
 * Let a file or folder be chosen.
 *
 * @returns {Promise<string|null>} its path
 */
export function choosePath() {
  const path = el("p", { class: "hint browse-path" });
  const list = el("ul", { class: "browse-list" });
  const said = el("p", { class: "hint", role: "status" });
  const dialog = el(
    "dialog",
    { class: "dialog", "aria-label": "Choose a video on this computer" },
    el("h2", { text: "Choose a video on this computer" }),
    path,
    list,
    said,
    el("div", { class: "dialog-answers" }, button("Cancel", () => dialog.close(""))),
  );
  const entry = (name, shape, run, detail = "") =>
    el(
      "li",
      {},
      el("button", { type: "button", class: "browse-entry", onclick: run }, icon(shape), el("span", { text: name }), el("span", { class: "hint", text: detail })),
    );

  async function show(folder) {
    said.textContent = "";
    try {
      const found = await askJson("GET", `/browse?folder=${part(folder)}`, { cache: "no-store" });
      path.textContent = found.folder;
      const up = found.parent ? [entry("One folder up", "folder", () => show(found.parent))] : [];
      const here = found.pictures
        ? [entry(`Use the ${found.pictures} pictures of this folder`, "check", () => dialog.close(found.folder))]
        : [];
      const folders = found.folders.map(({ name, path: to }) => entry(name, "folder", () => show(to)));
      const videos = found.videos.map(({ name, path: to, size }) =>
        entry(name, "video", () => dialog.close(to), size === undefined ? "" : bytes(size)),
      );
      fill(list, ...up, ...here, ...videos, ...folders);
      if (!here.length && !videos.length) said.textContent = "No video and no pictures in this folder.";
    } catch (error) {
      said.textContent = error.message;
    }
  }

  document.body.append(dialog);
  dialog.showModal();
  show("");
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue || null);
    });
  });
}
