// A video streamed to the studio in pieces; what broke off goes on where it was.

import { askJson, part } from "../core/api.js";

const PIECE = 4 * 2 ** 20;
const RETRY_MS = [500, 1000, 2000, 4000, 8000];

/**
 * Upload a file.
 *
 * @param {File} file
 * @param {(share: number) => void} told
 * @param {AbortSignal} signal
 */
export async function upload(file, told, signal) {
  // another file of the same name and size does not go on where this one broke off
  const address = `/uploads/${part(file.name)}?size=${file.size}&modified=${file.lastModified}`;
  let { received } = await askJson("GET", address, { signal, cache: "no-store" });
  let failures = 0;
  told(received / file.size);
  do {
    try {
      const body = file.slice(received, received + PIECE);
      const answer = await askJson("PUT", `${address}&offset=${received}`, { body, signal });
      received = answer.received;
      failures = 0;
    } catch (error) {
      // only what another try may mend: no answer, or pieces that do not fit together
      if (![0, 409, 416].includes(error.status) || failures >= RETRY_MS.length) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS[failures++]));
      ({ received } = await askJson("GET", address, { signal, cache: "no-store" }).catch(() => ({ received })));
    }
    told(received / file.size);
  } while (received < file.size);
}
