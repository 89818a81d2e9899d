// Playing: frame after frame, in the video's own pace or as fast as pictures come.

import { frameRange, get, goTo } from "../core/state.js";

const SLOWEST_FPS = 5;

/**
 * Make a player.
 *
 * @param {(number: number) => Promise<void>} show resolves when a frame is on the screen
 * @param {(isPlaying: boolean) => void} told
 */
export function makePlayer(show, told) {
  let isPlaying = false;

  async function run() {
    const pause = 1000 / Math.max(SLOWEST_FPS, get("project")?.rate_fps ?? 25);
    while (isPlaying) {
      const { first, last } = frameRange();
      const next = get("frame") >= last ? first : get("frame") + 1;
      const due = performance.now() + pause;
      try {
        await show(next);
      } catch {
        set(false);
        return;
      }
      goTo(next); // also when it was stopped meanwhile: the frame is on the screen
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    }
  }

  function set(playing) {
    if (playing === isPlaying) return;
    isPlaying = playing;
    told(isPlaying);
    if (isPlaying) run();
  }
  return { toggle: () => set(!isPlaying), stop: () => set(false), isPlaying: () => isPlaying };
}
