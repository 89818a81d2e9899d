// The label codes of CDNet, as the files hold them, and how the page calls and colours them.

export const BACKGROUND = 0;
const SHADOW = 50;
const OUTSIDE = 85;
export const UNKNOWN = 170;
export const FOREGROUND = 255;

/** What a person can paint; `key` chooses it. */
export const KINDS = [
  { code: FOREGROUND, key: "1", name: "Foreground", hint: "what moves, or was put there" },
  { code: BACKGROUND, key: "2", name: "Background", hint: "the scene itself" },
  { code: SHADOW, key: "3", name: "Shadow", hint: "a hard shadow; counts as background" },
  { code: UNKNOWN, key: "4", name: "Don't know", hint: "neither trained on nor scored" },
];

/** Red, green and blue of what moves, wherever it is shown over a frame. */
export const FOREGROUND_COLOUR = [255, 46, 136];

const COLOURS = new Map([
  [SHADOW, [64, 156, 255, 150]],
  [OUTSIDE, [20, 24, 30, 170]],
  [UNKNOWN, [255, 214, 64, 150]],
  [FOREGROUND, [...FOREGROUND_COLOUR, 160]],
]);

/** Red, green, blue and opacity of each code, four bytes each; background is clear. */
export const PALETTE = new Uint32Array(256);
const asBytes = new Uint8Array(PALETTE.buffer);
for (const [code, colour] of COLOURS) asBytes.set(colour, 4 * code);

/** The same colours for a proposal that is not accepted yet: paler, so that nobody mistakes it. */
export const PROPOSED = PALETTE.slice();
const proposedBytes = new Uint8Array(PROPOSED.buffer);
for (const [code, [, , , opacity]] of COLOURS) proposedBytes[4 * code + 3] = 0.7 * opacity;
