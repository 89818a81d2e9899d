// Undo and redo: what a rectangle held before and after, for the frame that is open.

import { isEmpty } from "./rect.js";

const MOST = 100;

export class History {
  #done = [];
  #undone = [];
  #isWhole = true; // until the oldest change is forgotten

  /** Whether all that was done since the frame was opened has been taken back. */
  get isAtStart() {
    return this.#isWhole && this.#done.length === 0;
  }

  get canUndo() {
    return this.#done.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  /** Keep that `rect` was changed; `before` is a copy of the whole mask from before. */
  record(before, after, rect) {
    if (isEmpty(rect)) return;
    this.#done.push({ rect, before: before.cut(rect), after: after.cut(rect) });
    if (this.#done.length > MOST) {
      this.#done.shift();
      this.#isWhole = false;
    }
    this.#undone = [];
  }

  /** Take the last change back; returns its rectangle, or null. */
  undo(mask) {
    const change = this.#done.pop();
    if (!change) return null;
    mask.paste(change.rect, change.before);
    this.#undone.push(change);
    return change.rect;
  }

  /** Do again what was undone; returns its rectangle, or null. */
  redo(mask) {
    const change = this.#undone.pop();
    if (!change) return null;
    mask.paste(change.rect, change.after);
    this.#done.push(change);
    return change.rect;
  }
}
