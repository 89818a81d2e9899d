// Labels saved, and taken away, in the background: first in the browser, then on the server, in the
// order of strokes. Painting never waits for either.

import { ApiError, ask } from "../core/api.js";
import { get, labelOf, refreshProject, set } from "../core/state.js";
import { encodePng } from "./png.js";
import { TAB, drop, keep, kept, livingTabs } from "./vault.js";

const PAUSE_MS = 300; // strokes in quick succession are sent together
const RETRY_MS = [500, 1000, 2000, 4000];

// frame -> {mask, revision, project, key, version, isKept, kept, from}: a mask of null takes the label
// away, `kept` ends with the writing of its copy in the browser, `from` is a copy of another tab's
// that it was made from
const waiting = new Map();
// frame -> {revision, since}: what the server held then, as far as this tab knows
const revisions = new Map();
let version = 0; // of the last stroke of this tab
let sending = false;
let timer = null;
let failures = 0;
let settleConflict = null;

/**
 * Set who is asked when a label was changed elsewhere: (number, mine) -> "mine" or "theirs", where
 * `mine` is null for a label that was taken away here.
 */
export function onConflict(ask) {
  settleConflict = ask;
}

/** Say what the server held of a frame at a moment: its revision, or null for nothing. */
export function knowRevision(number, revision, since) {
  if (!waiting.has(number)) revisions.set(number, { revision, since });
}

export const isWaiting = (number) => waiting.has(number);

/** The mask that waits for a frame; null where its label is to be taken away, or nothing waits. */
export const waitingMask = (number) => waiting.get(number)?.mask ?? null;

const knownRevision = (number) => revisions.get(number)?.revision ?? null;

/** Without the quotes that HTTP puts around a revision. */
const bare = (revision) => (revision === null ? null : `${revision}`.replace(/^W\/|"/g, ""));

/**
 * Whether the server holds another label of a frame than this tab knows. What was asked of the
 * server before this tab's own label arrived there says nothing.
 */
export function isChangedElsewhere(number) {
  const { asked = 0 } = get("project");
  if (waiting.has(number) || asked < (revisions.get(number)?.since ?? 0)) return false;
  return bare(labelOf(number)?.revision ?? null) !== bare(knownRevision(number));
}

function say(state, detail = "") {
  const kept = [...waiting.values()].filter(({ isKept }) => isKept).length;
  set("saved", { state, detail, waiting: waiting.size, kept });
}

const keyOf = (number) => `${get("project")?.folder ?? ""}|${number}|${TAB}`;

/** Save a label soon, or take it away: null. A mask is copied at once, so that painting can go on. */
export function save(number, mask) {
  const before = waiting.get(number);
  const entry = {
    mask: mask?.clone() ?? null,
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
  const { width, height, codes } = mask ?? { width: 0, height: 0, codes: null };
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
async function sendAll() {
  if (sending) return;
  sending = true;
  let failed = null;
  for (const number of [...waiting.keys()]) {
    const entry = waiting.get(number);
    if (!entry) continue;
    try {
      await send(number, entry);
    } catch (error) {
      failed = error;
      if (!error.status) break; // no server: the others would fail too
    }
  }
  sending = false;
  if (failed) {
    say(failed.status === 0 ? "offline" : "failed", failed.message);
    schedule(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
    return;
  }
  failures = 0;
  if (!waiting.size) say("saved");
  else schedule(0);
}

async function send(number, entry) {
  try {
    await acknowledged(number, entry, await (entry.mask ? put(number, entry) : takeAway(number, entry)));
  } catch (error) {
    if (error.status !== 412) throw error;
    await settle(number, error.body.revision ?? null);
  }
}

async function put(number, { mask, revision }) {
  const condition = revision === null ? { "If-None-Match": "*" } : { "If-Match": revision };
  const headers = { "Content-Type": "image/png", ...condition };
  const answer = await ask("PUT", `/labels/${number}`, { body: await encodePng(mask), headers });
  return answer.headers.get("ETag");
}

async function takeAway(number, { revision }) {
  if (revision !== null) {
    await ask("DELETE", `/labels/${number}`, { headers: { "If-Match": revision } });
    return null;
  }
  await refreshProject(); // one that was saved may be there all the same: its answer was lost
  const there = labelOf(number);
  if (there) throw new ApiError("a label is there nevertheless", 412, there);
  return null;
}

async function acknowledged(number, entry, revision) {
  revisions.set(number, { revision, since: performance.now() });
  const latest = waiting.get(number);
  if (latest?.version === entry.version) {
    waiting.delete(number);
    await dropCopies(entry);
  } else if (latest) {
    replaces(number, latest, revision); // painted on meanwhile, over what was just saved
  }
  refreshProject().catch(() => {});
}

async function settle(number, revision) {
  say("conflict");
  await refreshProject(); // else a label that is new there would count as deleted
  const chosen = await settleConflict(number, waiting.get(number).mask);
  const latest = waiting.get(number);
  if (chosen === "mine") {
    replaces(number, latest, revision);
    return;
  }
  waiting.delete(number);
  revisions.set(number, { revision, since: performance.now() });
  set("labelElsewhere", { number }); // at once: a stroke from here on would count as made over theirs
  await dropCopies(latest);
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
    const mask = label.codes && makeMask(label.width, label.height, label.codes);
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
