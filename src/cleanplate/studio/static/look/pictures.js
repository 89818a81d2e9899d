// Pictures made of a frame and the probability of each pixel.

import { FOREGROUND_COLOUR } from "../label/codes.js";

const HEAT = makeHeat();

/** Blue, through yellow, to red; clear where nothing is likely. */
function makeHeat() {
  const stops = [
    [0, [20, 30, 90, 60]],
    [64, [40, 110, 220, 150]],
    [128, [250, 220, 80, 200]],
    [192, [245, 120, 40, 220]],
    [255, [200, 20, 40, 235]],
  ];
  const table = new Uint8ClampedArray(4 * 256);
  for (let i = 0; i + 1 < stops.length; i++) {
    const [from, a] = stops[i];
    const [to, b] = stops[i + 1];
    for (let value = from; value <= to; value++) {
      const share = (value - from) / (to - from);
      a.forEach((start, channel) => (table[4 * value + channel] = start + share * (b[channel] - start)));
    }
  }
  return new Uint32Array(table.buffer);
}

const colourOf = (red, green, blue, opacity) => new Uint32Array(new Uint8ClampedArray([red, green, blue, opacity]).buffer)[0];
const OVERLAY = colourOf(...FOREGROUND_COLOUR, 150);
const WHITE = colourOf(255, 255, 255, 255);
const BLACK = colourOf(0, 0, 0, 255);

const TABLES = {
  overlay: (threshold) => twoColours(threshold, OVERLAY, 0),
  mask: (threshold) => twoColours(threshold, WHITE, BLACK),
  heat: () => HEAT,
};
const layers = new WeakMap(); // canvas -> what is laid over its frame, made once and drawn into again

const twoColours = (threshold, from, below) => Uint32Array.from({ length: 256 }, (_, value) => (value >= 255 * threshold ? from : below));

/** A picture of colours for each value of the probability, for a canvas. */
function coloured(canvas, { grey, width, height }, table) {
  let kept = layers.get(canvas);
  if (kept?.image.width !== width || kept.image.height !== height) {
    kept = { image: new ImageData(width, height), layer: new OffscreenCanvas(width, height) };
    layers.set(canvas, kept);
  }
  const pixels = new Uint32Array(kept.image.data.buffer);
  for (let i = 0; i < grey.length; i++) pixels[i] = table[grey[i]];
  kept.layer.getContext("2d").putImageData(kept.image, 0, 0);
  return kept.layer;
}

/** Draw one view of a moment on a canvas. */
export function draw(canvas, view, { frame, plate, probability, threshold }) {
  const base = view === "plate" ? (plate ?? frame) : frame;
  if (canvas.width !== base.width || canvas.height !== base.height) {
    canvas.width = base.width;
    canvas.height = base.height;
  }
  const context = canvas.getContext("2d");
  context.drawImage(base, 0, 0, canvas.width, canvas.height);
  const table = probability && TABLES[view]?.(threshold);
  if (table) context.drawImage(coloured(canvas, probability, table), 0, 0, canvas.width, canvas.height);
}
