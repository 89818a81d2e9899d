// Where the picture stands on the screen: zoom and pan, and from one to the other.

const LARGEST = 40;

export class Viewport {
  scale = 1;
  x = 0; // of the picture's corner on the screen
  y = 0;
  #fitted = true;
  #screen = { width: 1, height: 1 };
  #picture = { width: 1, height: 1 };

  /** Say how large screen and picture are; a picture that was fitted stays so. */
  resize(screen, picture) {
    this.#screen = screen;
    this.#picture = picture;
    if (this.#fitted) this.fit();
  }

  get smallest() {
    const { width, height } = this.#picture;
    return Math.min(this.#screen.width / width, this.#screen.height / height);
  }

  /** Show the whole picture in the middle. */
  fit() {
    this.scale = this.smallest;
    this.x = (this.#screen.width - this.scale * this.#picture.width) / 2;
    this.y = (this.#screen.height - this.scale * this.#picture.height) / 2;
    this.#fitted = true;
  }

  /** Zoom by a factor and keep a point of the screen where it is. */
  zoom(factor, at = { x: this.#screen.width / 2, y: this.#screen.height / 2 }) {
    const scale = Math.min(LARGEST, Math.max(this.smallest, this.scale * factor));
    if (scale <= this.smallest) return this.fit();
    const ratio = scale / this.scale;
    this.x = at.x - (at.x - this.x) * ratio;
    this.y = at.y - (at.y - this.y) * ratio;
    this.scale = scale;
    this.#fitted = false;
    this.#hold();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.#fitted = false;
    this.#hold();
  }

  // at least a quarter of the screen shows the picture: nobody gets lost
  #hold() {
    const { width, height } = this.#screen;
    const wide = this.scale * this.#picture.width;
    const high = this.scale * this.#picture.height;
    this.x = Math.min(0.75 * width, Math.max(0.25 * width - wide, this.x));
    this.y = Math.min(0.75 * height, Math.max(0.25 * height - high, this.y));
  }

  toPicture(point) {
    return { x: (point.x - this.x) / this.scale, y: (point.y - this.y) / this.scale };
  }

  toScreen(point) {
    return { x: point.x * this.scale + this.x, y: point.y * this.scale + this.y };
  }
}
