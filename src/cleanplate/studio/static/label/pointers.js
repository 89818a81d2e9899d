// Mouse, pen and fingers: one draws, two zoom and pan; the wheel zooms; space or the middle
// button pans.

const WHEEL_STEP = 1.0015;

/**
 * Lead pointers on a surface to a tool.
 *
 * @param {Surface} surface
 * @param {() => object} tool returns who gets `down`, `move`, `up`, `cancel` and `hover`, all in
 *   the picture's pixels; `pans` where it moves the picture instead
 * @param {() => boolean} isSpaceDown
 */
export function followPointers(surface, tool, isSpaceDown) {
  const { canvas, viewport } = surface;
  const touches = new Map();
  let mode = null; // "draw" | "pan" | "pinch"
  let begun = null; // the tool that draws; one that is chosen meanwhile waits for the next press
  let last = null;

  const inPicture = (event) => viewport.toPicture(surface.at(event));

  const drawing = () => (begun === tool() ? begun : null);

  function spread() {
    const [a, b] = [...touches.values()];
    return { distance: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true }); // else Enter would press the button used last
    touches.set(event.pointerId, surface.at(event));
    if (event.pointerType === "touch" && touches.size === 2) {
      if (mode === "draw") drawing()?.cancel?.();
      mode = "pinch";
      last = spread();
      return;
    }
    if (mode) return;
    if (event.button === 1 || isSpaceDown() || tool().pans) {
      mode = "pan";
      last = surface.at(event);
    } else if (event.button === 0) {
      mode = "draw";
      begun = tool();
      begun.down?.(inPicture(event), event);
    }
    event.preventDefault();
  });

  canvas.addEventListener("pointermove", (event) => {
    const here = surface.at(event);
    if (touches.has(event.pointerId)) touches.set(event.pointerId, here);
    if (mode === "pinch" && touches.size >= 2) {
      const now = spread();
      viewport.pan(now.x - last.x, now.y - last.y);
      viewport.zoom(now.distance / (last.distance || 1), now);
      last = now;
    } else if (mode === "pan") {
      viewport.pan(here.x - last.x, here.y - last.y);
      last = here;
    } else if (mode === "draw") {
      const steps = event.getCoalescedEvents?.() ?? []; // a fast hand leaves no corners
      for (const step of steps.length ? steps : [event]) drawing()?.move?.(inPicture(step), step);
    }
    tool().hover?.(inPicture(event));
    surface.ask();
  });

  function end(event) {
    touches.delete(event.pointerId);
    if (mode === "draw" && event.type === "pointerup") drawing()?.up?.(inPicture(event), event);
    else if (mode === "draw") drawing()?.cancel?.();
    if (!touches.size) mode = null;
    surface.ask();
  }
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("pointerleave", () => {
    tool().hover?.(null);
    surface.ask();
  });
  canvas.addEventListener("dblclick", (event) => tool().double?.(inPicture(event)));

  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      viewport.zoom(WHEEL_STEP ** -event.deltaY, surface.at(event));
      surface.ask();
    },
    { passive: false },
  );
}
