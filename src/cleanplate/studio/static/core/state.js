// What every part of the page knows: one value per name, and who wants to hear of a change.

import { askJson } from "./api.js";

const values = new Map();
const listeners = new Map();

/** Return the value of a name, or undefined before it is known. */
export const get = (name) => values.get(name);

/** Set a value and tell who listens. */
export function set(name, value) {
  values.set(name, value);
  for (const listener of listeners.get(name) ?? []) {
    try {
      listener(value);
    } catch (error) {
      reportError(error); // the others are told nevertheless
    }
  }
}

/** Call `listener` with every new value, and at once with the present one. */
export function watch(name, listener) {
  if (!listeners.has(name)) listeners.set(name, new Set());
  listeners.get(name).add(listener);
  if (values.has(name)) listener(values.get(name));
}

/** Make a function that runs one request at a time, and once more if asked meanwhile. */
function collapsing(run) {
  let running = null;
  let again = false;
  return function collapsed() {
    if (running) {
      again = true;
      return running;
    }
    running = run().finally(() => {
      running = null;
      if (again) {
        again = false;
        return collapsed();
      }
    });
    return running;
  };
}

export const refreshProject = collapsing(async () => {
  const asked = performance.now(); // what happened later may be missing from the answer
  set("project", { ...(await askJson("GET", "/project")), asked });
});
export const refreshTraining = collapsing(async () =>
  set("training", await askJson("GET", "/training")),
);
export const refreshExports = collapsing(async () => set("exports", await askJson("GET", "/exports")));

/** The numbers of the project's frames: first, last, and how many. */
export function frameRange() {
  const clips = get("project")?.clips ?? [];
  if (!clips.length) return { first: 1, last: 0, count: 0 };
  const first = Math.min(...clips.map((clip) => clip.first));
  const last = Math.max(...clips.map((clip) => clip.first + clip.count - 1));
  return { first, last, count: last - first + 1 };
}

/** Go to a frame, held within the video; views that show one follow. */
export function goTo(number) {
  const { first, last, count } = frameRange();
  if (!count) return;
  const wanted = Math.min(last, Math.max(first, Math.round(number)));
  if (wanted !== get("frame")) set("frame", wanted);
}

/** What the label of a frame is, or undefined. */
export const labelOf = (number) =>
  get("project")?.labels.find((label) => label.number === number);
