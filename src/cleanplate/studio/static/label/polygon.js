// A polygon, corner by corner: closed by a click on its first corner, a double click or Enter.

import { FOREGROUND_COLOUR } from "./codes.js";

const NEAR = 10; // screen pixels

export class Polygon {
  #points = [];
  #cursor = null;
  #surface;
  #closed;

  /**
   * @param {Surface} surface
   * @param {(points: {x: number, y: number}[]) => void} closed
   */
  constructor(surface, closed) {
    this.#surface = surface;
    this.#closed = closed;
  }

  get isOpen() {
    return this.#points.length > 0;
  }

  up(point) {
    if (this.#points.length >= 3 && this.#isNearFirst(point)) this.close();
    else this.#points.push(point);
    this.#surface.ask();
  }

  double() {
    this.#points.pop(); // the second click of two stands on the first
    this.close();
  }

  #isNearFirst(point) {
    const first = this.#points[0];
    const scale = this.#surface.viewport.scale;
    return Math.hypot(point.x - first.x, point.y - first.y) * scale < NEAR;
  }

  /** Close what has three corners or more. */
  close() {
    const points = this.#points;
    this.#points = [];
    if (points.length >= 3) this.#closed(points);
    this.#surface.ask();
  }

  /** Take the last corner back; false where there is none. */
  back() {
    const had = this.#points.pop() !== undefined;
    this.#surface.ask();
    return had;
  }

  abandon() {
    this.#points = [];
    this.#surface.ask();
  }

  hover(point) {
    this.#cursor = point;
  }

  draw(context, viewport) {
    if (!this.#points.length) return;
    const corners = [...this.#points, ...(this.#cursor ? [this.#cursor] : [])];
    const screen = corners.map((corner) => viewport.toScreen(corner));
    context.beginPath();
    screen.forEach(({ x, y }, i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.fillStyle = `rgb(${FOREGROUND_COLOUR.join(" ")} / 25%)`;
    context.fill();
    for (const [colour, width] of [["#000a", 4], ["#fff", 2]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.stroke();
    }
    for (const [i, { x, y }] of screen.entries()) {
      context.beginPath();
      context.arc(x, y, i === 0 ? 6 : 4, 0, 2 * Math.PI);
      context.fillStyle = i === 0 ? "#ffb454" : "#fff";
      context.fill();
      context.stroke();
    }
  }
}
