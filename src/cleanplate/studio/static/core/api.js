// The server's addresses, and errors in words.

/** What the server refused, or that it cannot be reached (`status` 0). */
export class ApiError extends Error {
  constructor(message, status, body = {}) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

const UNREACHABLE =
  "The studio does not answer. What you painted is kept in this browser; start it again with " +
  "the command cleanplate studio.";

/**
 * Ask the server.
 *
 * @param {string} method
 * @param {string} path below /api
 * @param {object} [options] `json` or `body` to send, `headers`, `signal`
 * @returns {Promise<Response>} an answer that is not an error
 */
export async function ask(method, path, { json, body, headers = {}, signal, cache } = {}) {
  const sent = new Headers(headers);
  if (method !== "GET") sent.set("X-Cleanplate", "1");
  if (json !== undefined) sent.set("Content-Type", "application/json");
  let answer;
  try {
    answer = await fetch(`/api${path}`, {
      method,
      headers: sent,
      body: json === undefined ? body : JSON.stringify(json),
      signal,
      cache: cache ?? (method === "GET" ? "default" : "no-store"),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(UNREACHABLE, 0);
  }
  if (!answer.ok) {
    const said = await answer.json().catch(() => ({}));
    throw new ApiError(said.error ?? unexplained(method, path, answer.status), answer.status, said);
  }
  return answer;
}

const unexplained = (method, path, status) =>
  `The studio answered ${status} to ${method} ${path.split("?")[0]} and did not say why. Where it was started ` +
  "it may have said more; try once more, or start it again.";

/** Ask and read the answer as JSON. */
export async function askJson(method, path, options) {
  const answer = await ask(method, path, options);
  return answer.status === 204 ? null : answer.json();
}

/** A path's variable part. */
export const part = (text) => encodeURIComponent(text);

/**
 * Decode a picture to its pixels, exactly as they stand in the file.
 *
 * @param {Blob} blob
 * @returns {Promise<ImageData>}
 */
export async function pixels(blob) {
  const bitmap = await createImageBitmap(blob, {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/** The first channel of a grey picture: codes, or a probability of 0 to 255. */
export async function greyPixels(blob) {
  const { data, width, height } = await pixels(blob);
  const grey = new Uint8Array(width * height);
  for (let i = 0; i < grey.length; i++) grey[i] = data[4 * i];
  return { grey, width, height };
}
