/** Stars and underscores that CommonMark takes for emphasis and nobody meant so, and the other way round. */

import type { Token, TokenizerThis, Tokens } from 'marked';

const CJK = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;
/** Letters of scripts that put spaces between words, digits, and brackets that close. */
const OPERAND = /[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{N})\]]$/u;

const STRONG = /^\*\*(?!\s|\*)([^*\n]+?)(?<!\s)\*\*(?!\*)/;
const SPACE_BEHIND = /^\*\*([^*\s][^*\n]*?)[ \t]+\*\*(?![\p{L}\p{N}*])/u;
const SPACE_BEFORE = /^\*\*[ \t]+([^*\n]*[^*\s])\*\*(?![\p{L}\p{N}*])/u;

/** Bold text that CommonMark does not see: what it is, and what is written for it. */
export interface Bold {
  raw: string;
  text: string;
}

/** `a*b*c` and `2*sin(x)*y` multiply, `(AB)_{ij}` has an index: no emphasis begins here. `before` is the letter before it. */
export function isOperator(src: string, before: string): boolean {
  return src[0] === '_' ? src[1] === '{' : src[1] !== '*' && OPERAND.test(before);
}

/** Between the end of a comment and the beginning of the next one, or in a line for editors, as in a program without a fence. */
export function isOfComments(text: string): boolean {
  return /^([/-])[\s\S]*\1$/.test(text);
}

/** `**注意：**这里`, which is bold wherever there are no spaces between words. */
export function boldInCjk(src: string, before: string): Bold | undefined {
  const [raw, text] = STRONG.exec(src) ?? [];
  return raw && text && (CJK.test(text) || CJK.test(before)) ? { raw, text } : undefined;
}

/**
 * `**Title: **` and, where a line begins, `** Title**`: with a space on one side it is bold all the same. An extension of the
 * lexer, since that asks for emphasis only where CommonMark may see an end of it.
 */
export function boldWithSpace(this: TokenizerThis, src: string, found: readonly Token[]): Tokens.Strong | undefined {
  if (!src.startsWith('**')) return undefined;
  const before = found.at(-1)?.raw.at(-1) ?? '\n';
  const [raw, text] = (/\s/.test(before) && SPACE_BEHIND.exec(src)) || (before === '\n' && SPACE_BEFORE.exec(src)) || [];
  return raw && text ? { type: 'strong', raw, text, tokens: this.lexer.inlineTokens(text) } : undefined;
}
