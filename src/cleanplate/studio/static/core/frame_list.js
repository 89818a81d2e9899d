// A list of frames to go to, each with its thumbnail and the reason: the one that is open is marked.

import { el, fill } from "./dom.js";
import { thumbnailAddress } from "./frames.js";
import { get, goTo, watch } from "./state.js";

/** Make a list; `show` takes `{number, reason}[]`. Entries that stay are not made anew. */
export function makeFrameList() {
  const element = el("ol", { class: "suggestion-list" });
  let entries = new Map(); // address and reason -> {number, item, button}

  function makeEntry({ number, reason }) {
    const button = el(
      "button",
      { type: "button", class: "suggestion", onclick: () => goTo(number) },
      el("img", { src: thumbnailAddress(number), alt: "", loading: "lazy" }),
      el("span", { class: "suggestion-number", text: `Frame ${number}` }),
      el("span", { class: "suggestion-reason", text: reason }),
    );
    return { number, button, item: el("li", {}, button) };
  }

  function show(frames) {
    const shown = new Map();
    for (const frame of frames) {
      const key = `${thumbnailAddress(frame.number)} ${frame.reason}`; // the address tells the video
      shown.set(key, entries.get(key) ?? makeEntry(frame));
    }
    if ([...shown.keys()].join("\n") === [...entries.keys()].join("\n")) return;
    entries = shown;
    fill(element, ...[...shown.values()].map(({ item }) => item));
    mark(get("frame"));
  }

  function mark(open) {
    for (const { number, button } of entries.values()) {
      if (number === open) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }
  watch("frame", mark);
  return { element, show };
}
