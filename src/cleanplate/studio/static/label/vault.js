// What was painted and is not yet confirmed by the server, kept in the browser's own database: it
// outlives the server, this tab and the browser.

const NAME = "cleanplate-studio";
const STORE = "unsaved";

let opened = null;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "key" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

async function run(mode, work) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(STORE, mode);
    const request = work(transaction.objectStore(STORE));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}

/**
 * A label that waits: `key`, the `tab` that painted it, `version` (grows with each stroke of a tab),
 * `project`, `number`, `revision` it was made from (null for a new label), `width`, `height` and
 * `codes`, which are null where the label is to be taken away.
 */
export const keep = (label) => run("readwrite", (store) => store.put(label));

/** Drop a label, unless what is kept is newer than `version`: it was painted on meanwhile. */
export const drop = (key, version) =>
  run("readwrite", (store) => {
    const request = store.get(key);
    request.onsuccess = () => {
      if ((request.result?.version ?? 0) <= version) store.delete(key);
    };
    return request;
  });
export const kept = () => run("readonly", (store) => store.getAll());

/** This tab, as others see it: its lock is held for as long as it lives. */
export const TAB = [...crypto.getRandomValues(new Uint32Array(2))].join("-");
navigator.locks?.request(`tab-${TAB}`, () => new Promise(() => {}));

/** The tabs that live, or null where that cannot be known. */
export async function livingTabs() {
  if (!navigator.locks) return null;
  const { held } = await navigator.locks.query();
  return new Set(held.map(({ name }) => name.replace(/^tab-/, "")));
}
