// A training in words for people who do not know what an iteration is.

import { duration, roughly } from "../core/words.js";

export const QUALITIES = [
  { value: "quick", text: "Quick look", hint: "Shows whether the labels lead anywhere." },
  { value: "good", text: "Good", hint: "For everyday use." },
  { value: "best", text: "Best", hint: "For the labels you are done with." },
];

/** How long a quality takes on this machine, as far as it is known. */
export function expectedText({ seconds, is_measuring: isMeasuring }, quality) {
  if (quality in seconds) return `About ${roughly(seconds[quality])} on this computer.`;
  return isMeasuring ? "Finding out how long it takes on this computer …" : "";
}

const PHASES = {
  frames: "Reading the video",
  votes: "Asking simpler methods",
  background: "Learning the empty scene",
  segmentation: "Learning what moves",
  joint: "Bringing both together",
  validation: "Measuring on labels held back",
};

/** The phase in words. */
export const phaseText = (phase) => PHASES[phase] ?? "Starting";

const TERMS = {
  reconstruction: "Clean plate: error",
  segmentation: "Mask: error",
  total: "Both together",
};

/** A term of the loss in words. */
export const termText = (term) => TERMS[term] ?? term;

const STATUSES = {
  idle: () => "Not trained yet",
  running: (state) => phaseText(state.phase),
  paused: (state) => `Paused · ${phaseText(state.phase).toLowerCase()}`,
  stopped: () => "Stopped",
  failed: () => "Training failed",
  done: () => "Training is done",
  interrupted: () => "Training was interrupted; it can go on where it was",
};

/** The state in words. */
export const statusText = (state) => STATUSES[state.status](state);

/** How long it took and will take. */
export function timeText({ status, seconds, seconds_left: left }) {
  const parts = [];
  if (seconds) parts.push(`${duration(seconds)} so far`);
  if (status === "running" && left !== null && left !== undefined) parts.push(`about ${duration(left)} left`);
  return parts.join(" · ");
}

/** The share that is done, or null where it is not known. */
export function shareDone({ status, seconds, seconds_left: left }) {
  if (status === "done") return 1;
  return seconds && left !== null && left !== undefined ? seconds / (seconds + left) : null;
}
