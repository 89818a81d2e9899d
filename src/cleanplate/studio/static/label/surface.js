// The canvas: the frame, the mask over it, and what a tool draws on top.

import { el } from "../core/dom.js";
import { PALETTE, PROPOSED } from "./codes.js";
import { isEmpty } from "./rect.js";
import { Viewport } from "./viewport.js";

const SHARP_FROM = 3; // from so many screen pixels a pixel on, pixels are shown as squares

export class Surface {
  viewport = new Viewport();
  isMaskShown = true;
  opacity = 1;
  #editor;
  #overlay = new OffscreenCanvas(1, 1);
  #isAsked = false;

  /**
   * @param {Editor} editor
   * @param {(context: CanvasRenderingContext2D, viewport: Viewport) => void} drawTool
   */
  constructor(editor, drawTool) {
    this.#editor = editor;
    this.drawTool = drawTool;
    this.canvas = el("canvas", {
      class: "surface",
      role: "application",
      tabindex: "0",
      "aria-label": "The frame with its label. Paint with mouse, pen or finger; press ? for keys.",
    });
    this.element = el("div", { class: "surface-frame" }, this.canvas);
    new ResizeObserver(() => this.#resize()).observe(this.element);
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!width || !height) return;
    const density = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * density);
    this.canvas.height = Math.round(height * density);
    this.#fitPicture();
    this.ask();
  }

  #fitPicture() {
    const { clientWidth: width, clientHeight: height } = this.element;
    const picture = this.#editor.picture ?? { width: 16, height: 9 };
    this.viewport.resize({ width, height }, { width: picture.width, height: picture.height });
  }

  /** Show another frame or another mask. */
  renew() {
    this.#fitPicture();
    const mask = this.#shown;
    if (mask) this.paint(mask.whole);
    this.ask();
  }

  get #shown() {
    return this.#editor.proposal?.mask ?? this.#editor.mask;
  }

  /** Bring a rectangle of the mask to the screen. */
  paint(rect) {
    const mask = this.#shown;
    if (!mask || isEmpty(rect)) return;
    const { width, height } = mask;
    if (this.#overlay.width !== width || this.#overlay.height !== height) {
      this.#overlay = new OffscreenCanvas(width, height);
      rect = mask.whole;
    }
    const [left, top, right, bottom] = rect;
    const wide = right - left;
    const palette = this.#editor.proposal ? PROPOSED : PALETTE;
    const image = new ImageData(wide, bottom - top);
    const colours = new Uint32Array(image.data.buffer);
    for (let y = top; y < bottom; y++) {
      const row = y * width;
      const to = (y - top) * wide - left;
      for (let x = left; x < right; x++) colours[to + x] = palette[mask.codes[row + x]];
    }
    this.#overlay.getContext("2d").putImageData(image, left, top);
    this.ask();
  }

  /** Draw at the next moment the screen is renewed. */
  ask() {
    if (this.#isAsked) return;
    this.#isAsked = true;
    requestAnimationFrame(() => {
      this.#isAsked = false;
      this.#draw();
    });
  }

  #draw() {
    const context = this.canvas.getContext("2d");
    const density = window.devicePixelRatio || 1;
    const { viewport } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const scale = density * viewport.scale;
    context.setTransform(scale, 0, 0, scale, density * viewport.x, density * viewport.y);
    context.imageSmoothingEnabled = viewport.scale < SHARP_FROM;
    if (this.#editor.picture) context.drawImage(this.#editor.picture, 0, 0);
    if (this.isMaskShown && this.#shown) {
      context.imageSmoothingEnabled = false;
      context.globalAlpha = this.opacity;
      context.drawImage(this.#overlay, 0, 0);
      context.globalAlpha = 1;
    }
    context.setTransform(density, 0, 0, density, 0, 0);
    this.drawTool(context, viewport);
  }

  /** Where a pointer is: on the canvas, in screen pixels. */
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }
}
