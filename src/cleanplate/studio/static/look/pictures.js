// Pictures made of a frame and the probability of each pixel.

const HEAT = makeHeat();
const MASK_COLOUR = [255, 46, 136];

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
const OVERLAY = colourOf(...MASK_COLOUR, 150);
const WHITE = colourOf(255, 255, 255, 255);
const BLACK = colourOf(0, 0, 0, 255);

/** A picture of colours for each value of the probability. */
function coloured({ grey, width, height }, colour) {
  const table = Uint32Array.from({ length: 256 }, (_, value) => colour(value));
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < grey.length; i++) pixels[i] = table[grey[i]];
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
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
  if (!probability || view === "frame" || view === "plate") return;
  const isForeground = (value) => value >= 255 * threshold;
  const layer = {
    overlay: () => coloured(probability, (value) => (isForeground(value) ? OVERLAY : 0)),
    mask: () => coloured(probability, (value) => (isForeground(value) ? WHITE : BLACK)),
    heat: () => coloured(probability, (value) => HEAT[value]),
  }[view]();
  context.drawImage(layer, 0, 0, canvas.width, canvas.height);
}
