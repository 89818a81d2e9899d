// The frame that is open for labelling: its picture, its mask, the proposal shown over it.

import { ask, greyPixels } from "../core/api.js";
import { frame } from "../core/frames.js";
import { get, labelOf } from "../core/state.js";
import { BACKGROUND, FOREGROUND } from "./codes.js";
import { History } from "./history.js";
import { Mask } from "./mask.js";
import { EMPTY, around, isEmpty } from "./rect.js";
import * as saver from "./saver.js";

const KEPT = 12;

export class Editor {
  /** Unknown pixels put around foreground after each stroke; 0 for none. */
  band = 2;
  number = null;
  picture = null;
  proposal = null; // {mask, source}
  // frame -> {mask, history, isLabelled, wasLabelled, saves}: as it was when it was loaded, and how
  // often it was saved since
  #documents = new Map();
  #before = null;
  #proposed = null; // what was shown when the change began
  #dirty = EMPTY;
  #opening = null;
  #told;

  /** @param {(what: "frame"|"pixels"|"proposal"|"state", rect?: number[]) => void} told */
  constructor(told) {
    this.#told = told;
  }

  get #document() {
    return this.#documents.get(this.number);
  }

  get mask() {
    return this.#document?.mask ?? null;
  }

  /** Whether a change was begun and not yet ended. */
  get isChanging() {
    return this.#before !== null;
  }

  get isLabelled() {
    return this.#document?.isLabelled ?? false;
  }

  get history() {
    return this.#document?.history ?? new History();
  }

  /** Show a frame and its label; until both are there, the one shown before stays open. */
  async open(number) {
    this.#opening = number;
    const [picture] = await Promise.all([frame(number), this.#load(number)]);
    if (number !== this.#opening) return; // another was asked for meanwhile
    this.commit();
    this.number = number;
    this.picture = picture;
    this.proposal = null;
    this.#keepFew();
    this.#told("frame");
  }

  async #load(number) {
    if (this.#documents.has(number)) {
      // in the middle of a stroke it stays: the server will refuse it, and both are shown
      if (!saver.isChangedElsewhere(number) || (number === this.number && this.#before)) return;
      this.#documents.delete(number); // a stroke must not go on from it while the other is fetched
    }
    const mask = saver.isWaiting(number) ? (saver.waitingMask(number)?.clone() ?? null) : await fetchLabel(number);
    const { width, height } = mask ?? (await frame(number));
    const isLabelled = mask !== null;
    this.#documents.set(number, {
      mask: mask ?? new Mask(width, height),
      history: new History(),
      isLabelled,
      wasLabelled: isLabelled,
      saves: 0,
    });
  }

  /** Read labels again that were changed elsewhere: now where one is open, else when it is opened. */
  async followElsewhere() {
    for (const number of [...this.#documents.keys()]) {
      if (number !== this.number && saver.isChangedElsewhere(number)) this.#documents.delete(number);
    }
    const number = this.number;
    if (number === null || !this.#document || this.#before || !saver.isChangedElsewhere(number)) return;
    await this.#read(number);
  }

  /** Let go of a frame's label as it is here: the one that was saved elsewhere was chosen. */
  async takeOther(number) {
    if (number === this.number) this.abandon(); // what is being painted belongs to the old one
    this.#documents.delete(number); // whether it is open or not: the next stroke would bring it back
    if (number === this.number || number === this.#opening) await this.#read(number);
  }

  async #read(number) {
    this.#documents.delete(number);
    await this.#load(number);
    if (number === this.number) this.#told("frame");
  }

  #keepFew() {
    for (const number of this.#documents.keys()) {
      if (this.#documents.size <= KEPT) return;
      if (number !== this.number) this.#documents.delete(number);
    }
  }

  /** Begin a change; a proposal that is shown becomes the label that is corrected. */
  begin() {
    if (!this.mask || this.#before) return;
    this.#before = this.mask.clone();
    this.#proposed = this.proposal;
    if (this.proposal) {
      this.mask.codes.set(this.proposal.mask.codes);
      this.proposal = null;
      this.touch(this.mask.whole);
      this.#told("proposal");
    }
  }

  /** Say that a rectangle was drawn into since `begin`. */
  touch(rect) {
    this.#dirty = around(this.#dirty, rect);
    this.#told("pixels", rect);
  }

  /** End a change: put the band of unknown around it, remember it, save it. */
  commit() {
    if (!this.#before) return;
    if (this.band > 0 && !isEmpty(this.#dirty)) this.touch(this.mask.band(this.band, this.#dirty));
    const document = this.#document;
    document.history.record(this.#before, document.mask, this.#dirty);
    this.#before = null;
    this.#dirty = EMPTY;
    this.#save();
  }

  /** Save what is there; false takes the label away. */
  #save(isLabelled = true) {
    const document = this.#document;
    document.isLabelled = isLabelled;
    document.saves++;
    saver.save(this.number, isLabelled ? document.mask : null);
    this.#told("state");
  }

  /** Take a change back that was begun by mistake: as if it had never been, nothing is saved. */
  abandon() {
    if (!this.#before) return;
    this.mask.codes.set(this.#before.codes);
    this.proposal = this.#proposed;
    this.#before = null;
    this.#dirty = EMPTY;
    this.#told("proposal");
  }

  /** Change the mask in one go. */
  edit(change) {
    this.begin();
    if (!this.isChanging) return;
    this.touch(change(this.mask));
    this.commit();
  }

  undo() {
    this.#step((history, mask) => history.undo(mask));
  }

  redo() {
    this.#step((history, mask) => history.redo(mask));
  }

  #step(take) {
    if (!this.mask || this.#before) return;
    const rect = take(this.history, this.mask);
    if (!rect) return;
    this.#told("pixels", rect);
    // without its first stroke a frame is not labelled, which is something else than background alone
    this.#save(this.#document.wasLabelled || !this.history.isAtStart);
  }

  /**
   * Ask for a proposal and show it, unless the frame is painted on meanwhile; it stays unsaved until
   * it is accepted.
   *
   * @returns {Promise<boolean>} whether it is shown
   */
  async propose(source = "auto", signal = undefined) {
    const number = this.number;
    const document = this.#document;
    const saves = document?.saves;
    const answer = await ask("GET", `/proposals/${number}.png?source=${source}`, { signal, cache: "no-store" });
    const { grey, width, height } = await greyPixels(await answer.blob());
    if (number !== this.number || document !== this.#document || document?.saves !== saves || this.#before) return false;
    const mask = new Mask(width, height, grey);
    if (this.band > 0) mask.band(this.band, mask.whole); // shown as it would be taken
    this.proposal = { mask, source: answer.headers.get("X-Source") ?? source };
    this.#told("proposal");
    return true;
  }

  /** Make the proposal the label. */
  accept() {
    if (!this.proposal || !this.mask) return false;
    this.begin();
    this.commit();
    return true;
  }

  discard() {
    if (!this.proposal) return;
    this.proposal = null;
    this.#told("proposal");
  }

  /**
   * Take the mask of the nearest labelled frame before this one.
   *
   * @returns {Promise<number|null|undefined>} that frame; null where there is none, undefined where
   *   nothing was copied since another frame was opened, or painted on, meanwhile
   */
  async copyPrevious() {
    const number = this.number;
    const here = [...this.#documents].filter(([, { isLabelled }]) => isLabelled).map(([n]) => n);
    const all = [...get("project").labels.map((label) => label.number), ...here];
    const earlier = all.filter((one) => one < number);
    if (!earlier.length) return null;
    const from = Math.max(...earlier);
    await this.#load(from);
    const source = this.#documents.get(from)?.mask;
    if (!source || number !== this.number || this.isChanging) return undefined;
    this.proposal = null;
    this.edit((mask) => {
      mask.codes.set(source.codes);
      return mask.whole;
    });
    return from;
  }

  /** Say that nothing is there: a label of background alone. */
  markEmpty() {
    this.proposal = null;
    this.edit((mask) => {
      mask.codes.fill(BACKGROUND);
      return mask.whole;
    });
    this.#told("proposal");
  }

  /** Take the open frame's label away. */
  remove() {
    this.abandon();
    this.proposal = null;
    const { width, height } = this.mask;
    const document = { mask: new Mask(width, height), history: new History(), wasLabelled: false, saves: 0 };
    this.#documents.set(this.number, document);
    this.#save(false);
    this.#told("frame");
  }

  /** The share of the picture that is foreground. */
  get foregroundShare() {
    if (!this.mask) return 0;
    let count = 0;
    for (const code of this.mask.codes) count += code === FOREGROUND;
    return count / this.mask.codes.length;
  }
}

/** Fetch a frame's label, or null where there is none; its revision is remembered. */
export async function fetchLabel(number) {
  if (!labelOf(number)) {
    saver.knowRevision(number, null, get("project").asked);
    return null;
  }
  const since = performance.now();
  try {
    const answer = await ask("GET", `/labels/${number}`, { cache: "no-store" });
    saver.knowRevision(number, answer.headers.get("ETag"), since);
    const { grey, width, height } = await greyPixels(await answer.blob());
    return new Mask(width, height, grey);
  } catch (error) {
    if (error.status !== 404) throw error;
    saver.knowRevision(number, null, since);
    return null;
  }
}
