// What the page says: short notices that go away, errors that stay until read, questions.

import { button, el } from "./dom.js";
import { icon } from "./icons.js";
import { get, watch } from "./state.js";

const NOTICE_MS = 5000;
const area = el("div", { class: "notices", role: "status", "aria-live": "polite" });

/** The element in which notices appear; it belongs into the page once. */
export const noticeArea = () => area;

/**
 * Say something.
 *
 * @param {string} said
 * @param {"info"|"error"} [kind] an error stays until it is closed
 * @param {boolean} [isOffline] or until the studio answers again
 */
export function notify(said, kind = "info", isOffline = false) {
  const text = said.replaceAll(`${get("project")?.folder}/`, ""); // what lies in the project is known
  for (const shown of area.children) {
    if (shown.dataset.text === text) shown.remove(); // said again is said once
  }
  const line = el("div", { class: `notice ${kind}` }, el("p", { text }));
  line.dataset.text = text;
  line.toggleAttribute("data-offline", isOffline);
  const close = button("Close", () => line.remove(), { kind: "plain small", icon: icon("close") });
  line.append(close);
  area.append(line);
  if (kind !== "error") setTimeout(() => line.remove(), NOTICE_MS);
}

watch("online", (isOnline) => {
  if (isOnline) area.querySelectorAll("[data-offline]").forEach((line) => line.remove());
});

/** Run what may fail; its error is said, and undefined returned. */
export async function tell(work) {
  try {
    return await work();
  } catch (error) {
    if (error.name === "AbortError") return undefined;
    notify(error.message, "error", error.status === 0);
    if (error.status === undefined) console.error(error); // ours, not the server's
    return undefined;
  }
}

/**
 * Ask a question in a dialog.
 *
 * @param {string} title
 * @param {(Node|null)[]} content
 * @param {{value: string, text: string, kind?: string}[]} answers
 * @returns {Promise<string>} the value that was chosen; "" where it was closed
 */
export function question(title, content, answers) {
  const heading = el("h2", { text: title });
  const dialog = el("dialog", { class: "dialog", "aria-label": title }, heading, ...content.filter(Boolean));
  const buttons = answers.map(({ value, text, kind }) =>
    button(text, () => dialog.close(value), { kind }),
  );
  dialog.append(el("div", { class: "dialog-answers" }, ...buttons));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}
