// Rectangles of pixels, as [left, top, right, bottom] with the last two not included.

export const EMPTY = [Infinity, Infinity, -Infinity, -Infinity];

export const isEmpty = ([left, top, right, bottom]) => left >= right || top >= bottom;

/** The smallest rectangle around both. */
export const around = (a, b) => [
  Math.min(a[0], b[0]),
  Math.min(a[1], b[1]),
  Math.max(a[2], b[2]),
  Math.max(a[3], b[3]),
];

/** A rectangle grown by a margin and cut to a picture. */
export const grown = ([left, top, right, bottom], margin, width, height) => [
  Math.max(0, Math.floor(left - margin)),
  Math.max(0, Math.floor(top - margin)),
  Math.min(width, Math.ceil(right + margin)),
  Math.min(height, Math.ceil(bottom + margin)),
];
