/** Which way a block is read: as most of its letters are, whatever the blocks around it are. */

const RTL = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/gu;
const LETTER = /\p{L}/gu;
/** Names, code and addresses are in Latin letters in every language: a third of the letters decides for the other side. */
const SHARE = 1 / 3;
/** Of a long text the beginning says enough. */
const LOOKED_AT_CHARS = 1_000;

/** The direction of a text; undefined if it has no letters, and then it is that of what is around it. */
export function directionOf(text: string): 'rtl' | 'ltr' | undefined {
  // Code, formulas and addresses have a direction of their own.
  const prose = text.slice(0, LOOKED_AT_CHARS).replace(/`[^`]*`|\$[^$\n]*\$|\\\(.*?\\\)|\\\[.*?\\\]|https?:\/\/[^\s)]+/gs, ' ');
  const letters = prose.match(LETTER)?.length ?? 0;
  if (letters === 0) return undefined;
  return (prose.match(RTL)?.length ?? 0) / letters > SHARE ? 'rtl' : 'ltr';
}
