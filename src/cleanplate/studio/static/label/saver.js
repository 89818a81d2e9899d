// Labels saved in the background: first in the browser, then on the server, in the order of strokes.
// Painting never waits for either.

import { ask } from "../core/api.js";
import { get, refreshProject, set } from "../core/state.js";
import { encodePng } from "./png.js";
import { TAB, drop, keep, kept, livingTabs } from "./vault.js";

const PAUSE_MS = 300; // strokes in quick succession are sent together
const RETRY_MS = [500, 1000, 2000, 4000];

// frame -> {mask, revision, project, key, version, isKept, kept, from}: `kept` ends with the writing
// of its copy in the browser, `from` is a copy of another tab's that it was made from
const waiting = new Map();
const revisions = new Map(); // frame -> what the server holds, as far as this tab knows
const removing = new Set(); // frames whose label is being taken away: none is sent
let version = 0; // of the last stroke of this tab
let sending = false;
let onItsWay = null; // {number, ended} of the label that is being sent
let timer = null;
let failures = 0;
let settleConflict = null;

/** Set who is asked when a label was changed elsewhere: (number, mine) -> "mine" or "theirs". */
export function onConflict(ask) {
  settleConflict = ask;
}

/** Say what the server holds of a frame: its revision, or null for nothing. */
export function knowRevision(number, revision) {
  if (!waiting.has(number)) revisions.set(number, revision);
}

export const isWaiting = (number) => waiting.has(number);
export const waitingMask = (number) => waiting.get(number)?.mask;
export const knownRevision = (number) => revisions.get(number) ?? null;

function say(state, detail = "") {
  const kept = [...waiting.values()].filter(({ isKept }) => isKept).length;
  set("saved", { state, detail, waiting: waiting.size, kept });
}

const keyOf = (number) => `${get("project")?.folder ?? ""}|${number}|${TAB}`;

/** Save a label soon. The mask is copied at once, so that painting can go on. */
export function save(number, mask) {
  const before = waiting.get(number);
  const entry = {
    mask: mask.clone(),
    revision: before ? before.revision : knownRevision(number),
    project: get("project")?.folder ?? "",
    key: keyOf(number),
    version: ++version,
    from: before?.from,
  };
  waiting.set(number, entry);
  say("saving");
  keepEntry(number, entry);
  schedule(PAUSE_MS);
}

/** Write an entry's copy in the browser; `entry.kept` ends with it. */
function keepEntry(number, entry) {
  entry.kept = writeCopy(number, entry);
  return entry.kept;
}

async function writeCopy(number, entry) {
  const { key, mask, revision, project } = entry;
  const { width, height, codes } = mask;
  try {
    await keep({ key, tab: TAB, version: entry.version, project, number, revision, width, height, codes });
    entry.isKept = true;
    say(get("saved").state);
  } catch {
    say("saving", "This browser keeps no copy (private window or no room).");
  }
}

/** Drop an entry's copies, once it is on the server or given up; never one of a later stroke. */
async function dropCopies(entry) {
  await entry.kept;
  await drop(entry.key, entry.version).catch(() => {});
  if (entry.from) await drop(entry.from.key, entry.from.version).catch(() => {});
}

/** Say which revision a waiting label replaces, in its copy too: it may outlive this page. */
function replaces(number, entry, revision) {
  entry.revision = revision;
  keepEntry(number, entry);
}

function schedule(delay) {
  clearTimeout(timer);
  timer = setTimeout(sendAll, delay);
}

/** Send what waits, now; what fails is tried again, and holds up no other frame. */
export async function sendAll() {
  if (sending) return;
  sending = true;
  let failed = null;
  for (const number of [...waiting.keys()]) {
    const entry = waiting.get(number);
    if (!entry || removing.has(number)) continue;
    const ended = send(number, entry);
    onItsWay = { number, ended };
    try {
      await ended;
    } catch (error) {
      failed = error;
      if (!error.status) break; // no server: the others would fail too
    }
  }
  sending = false;
  onItsWay = null;
  if (failed) {
    say(failed.status === 0 ? "offline" : "failed", failed.message);
    schedule(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
    return;
  }
  failures = 0;
  if (!waiting.size) say("saved");
  else if ([...waiting.keys()].some((number) => !removing.has(number))) schedule(0);
}

async function send(number, entry) {
  const body = await encodePng(entry.mask);
  const condition = entry.revision === null ? { "If-None-Match": "*" } : { "If-Match": entry.revision };
  try {
    const answer = await ask("PUT", `/labels/${number}`, {
      body,
      headers: { "Content-Type": "image/png", ...condition },
    });
    await acknowledged(number, entry, answer.headers.get("ETag"));
  } catch (error) {
    if (error.status !== 412) throw error;
    if (removing.has(number)) return; // whoever takes it away is told
    await settle(number, entry, error.body.revision ?? null);
  }
}

async function acknowledged(number, entry, revision) {
  revisions.set(number, revision);
  const latest = waiting.get(number);
  if (latest?.version === entry.version) {
    waiting.delete(number);
    await dropCopies(entry);
  } else if (latest) {
    replaces(number, latest, revision); // painted on meanwhile, over what was just saved
  }
  refreshProject().catch(() => {});
}

async function settle(number, entry, revision) {
  say("conflict");
  const chosen = await settleConflict(number, waiting.get(number).mask);
  const latest = waiting.get(number);
  if (!latest) return; // taken away meanwhile
  if (chosen === "mine") {
    replaces(number, latest, revision);
    return;
  }
  waiting.delete(number);
  revisions.set(number, revision);
  set("labelElsewhere", { number }); // at once: a stroke from here on would count as made over theirs
  await dropCopies(latest);
}

export const isBeingRemoved = (number) => removing.has(number);

/**
 * Take a frame's label away: on the server, then what waits here. What is on its way to the server
 * arrives first, else it would bring the label back.
 *
 * @throws {ApiError} it stays, and what waits is saved as before
 */
export async function remove(number) {
  removing.add(number);
  try {
    if (onItsWay?.number === number) await onItsWay.ended.catch(() => {});
    const waits = waiting.get(number);
    const revision = waits ? waits.revision : knownRevision(number);
    if (revision !== null) {
      await ask("DELETE", `/labels/${number}`, { headers: { "If-Match": revision } });
      revisions.set(number, null);
    }
    waiting.delete(number);
    if (waits) await dropCopies(waits);
  } finally {
    removing.delete(number);
    if (waiting.size) schedule(0);
    else if (!sending) say("saved");
  }
}

/**
 * Take up what a tab that is gone had painted and not yet saved.
 *
 * @param {(width: number, height: number, codes: Uint8Array) => object} makeMask
 * @returns {Promise<number>} of how many frames
 */
export function recover(makeMask) {
  // one tab at a time, so that no two take up the same label
  return navigator.locks ? navigator.locks.request("recover", () => takeUp(makeMask)) : takeUp(makeMask);
}

async function takeUp(makeMask) {
  const project = get("project")?.folder ?? "";
  const living = await livingTabs();
  let found = 0;
  for (const label of await kept().catch(() => [])) {
    if (label.project !== project || waiting.has(label.number) || living?.has(label.tab)) continue;
    const mask = makeMask(label.width, label.height, label.codes);
    const from = { key: label.key, version: label.version ?? 0 };
    const entry = { mask, revision: label.revision, project, key: keyOf(label.number), version: ++version, from };
    await keepEntry(label.number, entry);
    // without a copy of this tab's own, the old one stays until the label is saved
    if (entry.isKept) await drop(from.key, from.version).catch(() => {});
    waiting.set(label.number, entry);
    found++;
  }
  if (found) {
    say("saving");
    schedule(0);
  }
  return found;
}
