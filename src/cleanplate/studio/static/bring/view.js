// Bring in: a video from this computer, dropped on the page, recorded from a camera, or drawn.

import { ask, askJson } from "../core/api.js";
import { button, el, field, fill } from "../core/dom.js";
import { icon } from "../core/icons.js";
import { notify, tell } from "../core/messages.js";
import { frameRange, get, refreshProject, set, watch } from "../core/state.js";
import { counted, duration, percent } from "../core/words.js";
import { nearThumbnailAddress } from "../core/frames.js";
import { choosePath } from "./browse.js";
import { startGuide } from "./guide.js";
import { upload } from "./upload.js";

/** Make the view. */
export function makeBringIn() {
  const work = el("div", { class: "work", role: "status" });
  let progress = () => {};
  let isBusy = false;
  watch("event", ({ type, share }) => {
    if ((type === "bring" || type === "record") && share !== undefined) progress(share);
  });

  /**
   * Run what brings a video in: one at a time, said while it runs, and shown when it is there.
   *
   * @param {string} text what is done
   * @param {(told: (share: number) => void, signal: AbortSignal) => Promise} run
   * @param {string} [end] what the button does that ends it early
   */
  async function bring(text, run, end = "Cancel") {
    if (isBusy) {
      notify("A video is being brought in already. Wait until it is there, or end it; then bring the next.");
      return;
    }
    isBusy = true;
    const share = el("progress", { max: "1", "aria-label": text });
    const told = el("span", { class: "told" });
    const stop = new AbortController();
    fill(work, el("p", { text }), share, told, button(end, () => stop.abort(), { kind: "small" }));
    element.classList.add("is-busy");
    progress = (now) => {
      share.value = now;
      told.textContent = percent(now, 0);
    };
    const done = await tell(async () => {
      await run(progress, stop.signal);
      return true;
    });
    progress = () => {};
    isBusy = false;
    element.classList.remove("is-busy");
    fill(work);
    await refreshProject().catch(() => {});
    if (!done) return;
    set("frame", frameRange().first);
    location.hash = "label";
  }

  const sources = el(
    "div",
    { class: "cards" },
    // another machine's page has no business among this one's files
    get("project").is_local ? makeFileCard(bring) : null,
    makeDropCard(bring),
    makeCameraCard(bring),
  );
  const element = el(
    "div",
    { class: "view page bring-view", hidden: true },
    makeWelcome(bring),
    makeClips(),
    el("h2", { class: "sources-title", text: "Bring in a video" }),
    el("p", { class: "hint", text: "The camera must stand still. A minute or two is enough to begin; any format that FFmpeg reads." }),
    sources,
    work,
  );
  acceptDrops(element, bring);
  return { element, shown() {}, hidden() {} };
}

function makeWelcome(bring) {
  const example = async () => {
    await bring("Drawing the example scene …", async (told, signal) => {
      await askJson("POST", "/clips/example", { signal });
    });
    if (get("project").frames > 0) startGuide();
  };
  const step = (number, title, text) =>
    el("li", {}, el("span", { class: "step-number", text: number }), el("div", {}, el("h3", { text: title }), el("p", { text })));
  const element = el(
    "section",
    { class: "welcome" },
    el("h1", { text: "Teach a camera what its background is" }),
    el("p", { class: "lead", text: "Paint a few frames, press train, and from then on every frame gives you what moves, and the scene with nobody in it." }),
    el(
      "ol",
      { class: "three-steps" },
      step("1", "Label", "Paint what moves in two or three frames. The studio names the frames that help most."),
      step("2", "Train", "One button. Watch the mask sharpen while it learns; the page says how long it will take."),
      step("3", "Look", "Play the video with its mask. Correct where it is wrong, train again, take it away."),
    ),
    button("Try it with a drawn street", example, { kind: "primary large", icon: icon("spark") }),
    el("p", { class: "hint", text: "No video at hand? The drawn street lets you try all of it." }),
  );
  watch("project", (project) => {
    element.hidden = project.frames > 0 || project.indexing !== null || project.trouble !== "";
  });
  return element;
}

function makeClips() {
  const list = el("ul", { class: "clips" });
  const go = el("a", { class: "button primary", href: "#label", text: "Go on to labelling" });
  const indexing = el("p", { class: "busy", role: "status" });
  const trouble = el("p", { class: "warning" });
  const element = el("section", {}, el("h1", { text: "Your video" }), list, indexing, trouble, go);
  watch("project", (project) => {
    element.hidden = project.frames === 0 && project.indexing === null && !project.trouble;
    go.hidden = project.frames === 0;
    trouble.textContent = project.trouble;
    trouble.hidden = !project.trouble;
    fill(
      list,
      ...project.clips.map((clip) =>
        el(
          "li",
          { class: "clip" },
          el("img", { src: nearThumbnailAddress(clip.first + Math.floor(clip.count / 2)), alt: "" }),
          el(
            "div",
            {},
            el("h3", { text: clip.name }),
            el("p", { class: "hint", text: describe(clip, project) }),
          ),
        ),
      ),
    );
    indexing.hidden = project.indexing === null;
    indexing.textContent = `Finding every frame of the video: ${percent(project.indexing, 0)}`;
  });
  return element;
}

function describe(clip, project) {
  const parts = [counted(clip.count, "frame")];
  if (clip.seconds) parts.push(duration(clip.seconds));
  if (project.size) parts.push(`${project.size[1]} × ${project.size[0]}`);
  if (clip.count) parts.push(`frames ${clip.first} to ${clip.first + clip.count - 1}`);
  return parts.join(" · ");
}

const card = (shape, title, text, ...controls) =>
  el("section", { class: "card" }, el("h3", {}, icon(shape), el("span", { text: title })), el("p", { class: "hint", text }), ...controls);

function makeFileCard(bring) {
  const choose = async () => {
    const path = await choosePath();
    if (path) await bring(`Bringing in ${path} …`, (told, signal) => askJson("POST", "/clips", { json: { path }, signal }));
  };
  return card("folder", "On this computer", "A video file, or a folder of pictures.", button("Choose …", choose));
}

function makeDropCard(bring) {
  const input = el("input", {
    type: "file",
    id: "upload-file",
    accept: "video/*,.mkv,.avi,.mov,.mp4,.webm,.ts",
    class: "unseen",
    onchange: () => {
      if (input.files.length) uploadFile(input.files[0], bring);
      input.value = "";
    },
  });
  return card(
    "upload",
    "Drop or upload",
    "Drop a video anywhere on this page. An upload that broke off goes on where it was.",
    input,
    el("label", { class: "button", for: "upload-file", text: "Choose a file to upload" }),
  );
}

function uploadFile(file, bring) {
  return bring(`Uploading ${file.name} …`, (told, signal) => upload(file, told, signal));
}

function makeCameraCard(bring) {
  const address = el("input", { type: "text", placeholder: "rtsp://camera/stream", autocomplete: "off", required: true });
  const seconds = el("input", { type: "number", min: "1", max: "3600", value: "60", class: "short", required: true });
  const form = el(
    "form",
    {
      onsubmit: (event) => {
        event.preventDefault();
        const sent = { address: address.value.trim(), seconds: Number(seconds.value) };
        bring(`Recording ${duration(sent.seconds)} …`, (told, signal) => record(sent, signal), "Stop and keep it");
      },
    },
    field("Address, or number of a camera", address),
    field("Seconds", seconds),
    el("button", { type: "submit", class: "button" }, icon("record"), el("span", { text: "Record" })),
  );
  return card("video", "From a camera", "An RTSP or HTTP address, or a camera plugged in: 0.", form);
}

/** Record; to end it early is to keep what has been recorded until then. */
async function record(sent, signal) {
  signal.addEventListener("abort", () => tell(() => ask("DELETE", "/clips/record")));
  await askJson("POST", "/clips/record", { json: sent });
}

/** Take a file that is dropped anywhere on the page; the browser would leave the page for it. */
function acceptDrops(element, bring) {
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      element.classList.toggle("is-dropping", !element.hidden);
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) element.classList.remove("is-dropping"); // out of the window
  });
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    element.classList.remove("is-dropping");
    const [file, ...others] = event.dataTransfer.files;
    if (element.hidden) {
      notify(`${file.name} was not taken: a video is dropped on Bring in, labels are imported in Take away.`);
      return;
    }
    if (others.length) notify(`One video at a time: ${file.name} is taken.`);
    uploadFile(file, bring);
  });
}
