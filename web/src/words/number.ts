/**
 * Numbers as they are written, by hand. The browser's own way of writing them loads what it knows of a language with the first
 * number, for 15 ms and more, and the first number stands under the answer that a reader waits for.
 */

/** A whole number with a mark between its thousands. */
export function grouped(value: number, mark: string): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, mark);
}
