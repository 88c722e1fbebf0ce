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

/** Marks of Chinese, Japanese and Arabic that no address holds unless it is encoded. */
const ENDS = /[，。、；：？！（）「」『』【】《》〈〉〔〕…—“”‘’،؛؟\u3000]/;
/** A host in Latin letters that Chinese or Japanese words follow without a space. */
const HOST = /^(?:https?:\/\/|www\.)[\w.-]+\.[a-z]{2,}(?=[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}])/iu;

/** Where an address that stands in a text ends, if what was taken for it holds more. */
export function addressEnd(found: string): number {
  const mark = found.search(ENDS);
  return Math.min(mark < 0 ? found.length : mark, HOST.exec(found)?.[0].length ?? found.length);
}
