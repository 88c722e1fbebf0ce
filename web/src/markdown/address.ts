/** Which addresses in an answer may become links. */

/** Everything else, `javascript:` and `data:` first of all, stays text. */
const SCHEMES = new Set(['http:', 'https:', 'mailto:']);

/** The address, if a click on it is harmless; relative ones would point into this page and mean nothing. */
export function safeAddress(written: string): string | undefined {
  try {
    const url = new URL(written);
    return SCHEMES.has(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}
