// Playing: frame after frame, in the video's own pace or as fast as pictures come, up to its end.

import { notify } from "../core/messages.js";
import { frameRange, get, goTo } from "../core/state.js";

const SLOWEST_FPS = 5;

/**
 * Make a player; at the end of the video it begins at its start.
 *
 * @param {(number: number) => Promise<void>} show resolves when a frame is on the screen
 * @param {(isPlaying: boolean) => void} told
 */
export function makePlayer(show, told) {
  let playing = null; // a mark of the run that counts: a new one begins with every start

  async function run(mine) {
    const pause = 1000 / Math.max(SLOWEST_FPS, get("project")?.rate_fps ?? 25);
    const { first, last } = frameRange();
    if (get("frame") >= last) goTo(first);
    while (playing === mine && get("frame") < last) {
      const from = get("frame");
      const due = performance.now() + pause;
      try {
        await show(from + 1);
      } catch (error) {
        if (playing === mine) notify(`Frame ${from + 1} cannot be shown: ${error.message}`, "error");
        break;
      }
      // also when it was stopped meanwhile: the frame is on the screen; not where another was chosen
      if (get("frame") === from) goTo(from + 1);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    }
    if (playing === mine) stop();
  }

  function start() {
    playing = {};
    told(true);
    run(playing);
  }

  function stop() {
    if (!playing) return;
    playing = null;
    told(false);
  }
  return { toggle: () => (playing ? stop() : start()), stop, isPlaying: () => playing !== null };
}
