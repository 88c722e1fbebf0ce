/** Whether the page is being left: then a connection that ends has not failed. */

/** A download or a cancelled dialog announces a leaving that does not come. */
const MAX_MS = 3_000;

let since = -Infinity;

/** Whether the browser has begun to leave the page, by reload, by link or by closing. */
export function isLeaving(): boolean {
  return performance.now() - since < MAX_MS;
}

/** Begins to watch. */
export function watchLeaving(): void {
  for (const event of ['beforeunload', 'pagehide']) addEventListener(event, () => (since = performance.now()));
  // From the browser's cache of whole pages it comes back as it was.
  addEventListener('pageshow', () => (since = -Infinity));
}
