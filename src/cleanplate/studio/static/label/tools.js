// What a pointer does: brush, eraser, fill, and moving the picture.

import { BACKGROUND } from "./codes.js";

/** Brush and eraser share their size; `settings` has `code` and `radius` (in the frame's pixels). */
export class Brush {
  #editor;
  #settings;
  #erases;
  #last = null;
  #cursor = null;

  constructor(editor, settings, { erases = false } = {}) {
    this.#editor = editor;
    this.#settings = settings;
    this.#erases = erases;
  }

  get #code() {
    return this.#erases ? BACKGROUND : this.#settings.code;
  }

  down(point) {
    this.#editor.begin();
    this.#last = point;
    this.#to(point);
  }

  move(point) {
    if (this.#last) this.#to(point);
  }

  #to(point) {
    const { mask, isChanging } = this.#editor;
    if (!isChanging) return; // another frame was opened in the middle of the stroke
    this.#editor.touch(mask.stroke(this.#last, point, this.#settings.radius, this.#code));
    this.#last = point;
  }

  up() {
    if (!this.#last) return;
    this.#last = null;
    this.#editor.commit();
  }

  /** Another tool is taken in the middle of a stroke: what is painted stays. */
  abandon() {
    this.up();
  }

  /** A second finger came down: it was not meant as a stroke. */
  cancel() {
    this.#last = null;
    this.#editor.abandon();
  }

  hover(point) {
    this.#cursor = point;
  }

  /** Draw the brush's outline where the pointer is. */
  draw(context, viewport) {
    if (!this.#cursor) return;
    const { x, y } = viewport.toScreen(this.#cursor);
    const radius = Math.max(2, this.#settings.radius * viewport.scale);
    for (const [colour, width] of [["#000a", 3], ["#fff", 1.5]]) {
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.setLineDash(this.#erases ? [4, 4] : []);
      context.stroke();
    }
    context.setLineDash([]);
  }
}

/** Fills the area of one kind that is clicked into: a hole, or an outline that was painted. */
export class Fill {
  #editor;
  #settings;

  constructor(editor, settings) {
    this.#editor = editor;
    this.#settings = settings;
  }

  up(point) {
    this.#editor.edit((mask) => mask.flood(point, this.#settings.code));
  }

  draw() {}
}

/** Moves the picture. */
export class Hand {
  pans = true;

  draw() {}
}
