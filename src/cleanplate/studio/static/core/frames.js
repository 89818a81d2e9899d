// Frames of the video, decoded and kept for a moment: the ones beside the shown one are fetched ahead.

import { ask } from "./api.js";
import { get, frameRange } from "./state.js";

const KEPT = 12;
const kept = new Map(); // address -> promise of a bitmap, oldest first

const version = () => get("project")?.version ?? "";

/** The address of a frame. */
export const frameAddress = (number) => `/frames/${number}.jpg?v=${version()}`;

/** The address of a small frame, for an `img`. */
export const thumbnailAddress = (number) => `/api/thumbnails/${number}.jpg?v=${version()}`;

/** The address of a small frame near one, which needs no decoding of all frames before it. */
export const nearThumbnailAddress = (number) => `${thumbnailAddress(number)}&near=1`;

/**
 * Fetch and decode a picture, or take it from those kept.
 *
 * @returns {Promise<ImageBitmap>} do not close it
 */
export function picture(path) {
  let found = kept.get(path);
  kept.delete(path);
  found ??= ask("GET", path)
    .then((answer) => answer.blob())
    .then((blob) => createImageBitmap(blob));
  found.catch(() => kept.delete(path));
  kept.set(path, found);
  while (kept.size > KEPT) kept.delete(kept.keys().next().value);
  return found;
}

/** Return a frame, and fetch the next and the previous one ahead. */
export async function frame(number) {
  const found = await picture(frameAddress(number));
  const { first, last } = frameRange();
  for (const near of [number + 1, number - 1]) {
    if (near >= first && near <= last) picture(frameAddress(near)).catch(() => {});
  }
  return found;
}

/** Forget all that was kept: the video is another one now. */
export const forgetFrames = () => kept.clear();
