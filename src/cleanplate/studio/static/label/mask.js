// A label: one code for each pixel, and what can be drawn into it. Every drawing returns the
// rectangle it may have changed.

import { BACKGROUND, FOREGROUND, UNKNOWN } from "./codes.js";
import { EMPTY, around, grown, isEmpty } from "./rect.js";

export class Mask {
  /** A mask of background, or of the codes given. */
  constructor(width, height, codes = new Uint8Array(width * height)) {
    this.width = width;
    this.height = height;
    this.codes = codes;
  }

  clone() {
    return new Mask(this.width, this.height, this.codes.slice());
  }

  /** Draw with a round brush from one point to another, both in pixels. */
  stroke(from, to, radius, code) {
    const reach = Math.max(radius, 0.5);
    const span = [
      Math.min(from.x, to.x),
      Math.min(from.y, to.y),
      Math.max(from.x, to.x),
      Math.max(from.y, to.y),
    ];
    const changed = grown(span, reach + 1, this.width, this.height);
    const dx = to.x - from.x;
    const dy = to.y - from.y;
    const length = dx * dx + dy * dy || 1;
    for (let y = changed[1]; y < changed[3]; y++) {
      for (let x = changed[0]; x < changed[2]; x++) {
        const px = x + 0.5 - from.x;
        const py = y + 0.5 - from.y;
        const along = Math.min(1, Math.max(0, (px * dx + py * dy) / length));
        const fx = px - along * dx;
        const fy = py - along * dy;
        if (fx * fx + fy * fy <= reach * reach) this.codes[y * this.width + x] = code;
      }
    }
    return changed;
  }

  /** Fill a polygon of points in pixels, by the even-odd rule at the pixels' centres. */
  polygon(points, code) {
    let changed = EMPTY;
    for (const { x, y } of points) changed = around(changed, [x, y, x, y]);
    changed = grown(changed, 1, this.width, this.height);
    for (let y = changed[1]; y < changed[3]; y++) {
      const crossings = crossingsOf(points, y + 0.5);
      for (let i = 0; i + 1 < crossings.length; i += 2) {
        const start = Math.max(0, Math.ceil(crossings[i] - 0.5));
        const end = Math.min(this.width, Math.ceil(crossings[i + 1] - 0.5));
        if (end > start) this.codes.fill(code, y * this.width + start, y * this.width + end);
      }
    }
    return changed;
  }

  /** Fill the area of one code around a point. */
  flood(point, code) {
    const { codes, width, height } = this;
    const startX = Math.floor(point.x);
    const startY = Math.floor(point.y);
    if (startX < 0 || startY < 0 || startX >= width || startY >= height) return EMPTY;
    const old = codes[startY * width + startX];
    if (old === code) return EMPTY;
    let changed = EMPTY;
    const waiting = [startY * width + startX];
    while (waiting.length) {
      const at = waiting.pop();
      if (codes[at] !== old) continue;
      const y = Math.floor(at / width);
      let left = at - y * width;
      let right = left + 1;
      while (left > 0 && codes[y * width + left - 1] === old) left--;
      while (right < width && codes[y * width + right] === old) right++;
      codes.fill(code, y * width + left, y * width + right);
      changed = around(changed, [left, y, right, y + 1]);
      for (const row of [y - 1, y + 1]) {
        if (row < 0 || row >= height) continue;
        for (let x = left; x < right; x++) {
          const here = row * width + x;
          if (codes[here] === old && (x === left || codes[here - 1] !== old)) waiting.push(here);
        }
      }
    }
    return changed;
  }

  /** Make background that lies within `margin` pixels of foreground unknown, in a rectangle. */
  band(margin, rect) {
    if (isEmpty(rect)) return rect;
    const changed = grown(rect, margin, this.width, this.height);
    const [left, top, right, bottom] = grown(changed, margin, this.width, this.height);
    const { codes, width } = this;
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        if (codes[y * width + x] !== FOREGROUND || !this.#isEdge(x, y)) continue;
        this.#ring(x, y, margin, changed);
      }
    }
    return changed;
  }

  #isEdge(x, y) {
    const { codes, width, height } = this;
    const at = y * width + x;
    return (
      (x > 0 && codes[at - 1] !== FOREGROUND) ||
      (x + 1 < width && codes[at + 1] !== FOREGROUND) ||
      (y > 0 && codes[at - width] !== FOREGROUND) ||
      (y + 1 < height && codes[at + width] !== FOREGROUND)
    );
  }

  #ring(x, y, margin, [left, top, right, bottom]) {
    for (let row = Math.max(top, y - margin); row < Math.min(bottom, y + margin + 1); row++) {
      for (let col = Math.max(left, x - margin); col < Math.min(right, x + margin + 1); col++) {
        const far = (row - y) ** 2 + (col - x) ** 2 > margin * margin;
        const at = row * this.width + col;
        if (!far && this.codes[at] === BACKGROUND) this.codes[at] = UNKNOWN;
      }
    }
  }

  /** The codes of a rectangle, row by row. */
  cut([left, top, right, bottom]) {
    const wide = right - left;
    const found = new Uint8Array(wide * (bottom - top));
    for (let y = top; y < bottom; y++) {
      const from = y * this.width;
      found.set(this.codes.subarray(from + left, from + right), (y - top) * wide);
    }
    return found;
  }

  /** Put back what `cut` returned. */
  paste([left, top, right, bottom], cut) {
    const wide = right - left;
    for (let y = top; y < bottom; y++) {
      const row = cut.subarray((y - top) * wide, (y - top + 1) * wide);
      this.codes.set(row, y * this.width + left);
    }
  }

  /** The whole picture as a rectangle. */
  get whole() {
    return [0, 0, this.width, this.height];
  }
}

function crossingsOf(points, y) {
  const found = [];
  for (let i = 0; i < points.length; i++) {
    const a = points[i];
    const b = points[(i + 1) % points.length];
    if (a.y <= y !== b.y <= y) found.push(a.x + ((y - a.y) / (b.y - a.y)) * (b.x - a.x));
  }
  return found.sort((one, other) => one - other);
}
