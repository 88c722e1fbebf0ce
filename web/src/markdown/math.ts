/**
 * Where math begins and ends in Markdown: `$…$`, `$$…$$`, `\(…\)`, `\[…\]`, a bare `\begin{align}…\end{align}` and a bare
 * `\ce{…}`, as extensions of marked's lexer.
 *
 * Prices and the variables of shells must not become math ("$5 and $10", `$HOME/$USER`), so a single dollar follows Pandoc's
 * rule, and a bit more.
 */
import type { Tokens } from 'marked';

/** Formulas longer than this are text. It bounds how long the live view waits for an end. */
export const MAX_FORMULA_CHARS = 4_000;

/** A formula; `open` when its end has not come yet, which happens in the live view only. */
export interface MathToken {
  type: 'math';
  raw: string;
  tex: string;
  display: boolean;
  open: boolean;
}

/** Environments that are formulas by themselves. */
const ENVIRONMENT = '(?:equation|align|alignat|aligned|gather|gathered|multline|split|cases|[pbvBV]?matrix|array)\\*?';

/** A line that begins with one of these may begin a formula of its own lines. */
export const BLOCK_OPENER = new RegExp(`^ {0,3}(?:\\$\\$|\\\\\\[|\\\\begin\\{${ENVIRONMENT}\\})`, 'm');

const BLOCK_ENVIRONMENT = new RegExp(`^ {0,3}(\\\\begin\\{(${ENVIRONMENT})\\}[\\s\\S]+?\\\\end\\{\\2\\})[ \\t]*(?:\\n|$)`);
const INLINE_ENVIRONMENT = new RegExp(`^(\\\\begin\\{(${ENVIRONMENT})\\}(?:(?!\\n\\n)[\\s\\S])+?\\\\end\\{\\2\\})`);
const CHEMISTRY = /^\\(?:ce|pu)\{(?:[^{}\n]|\{(?:[^{}\n]|\{[^{}\n]*\})*\})*\}/;

const OPENS_BLOCK = new RegExp(BLOCK_OPENER.source);
const BLOCK_START = new RegExp(`\\n${BLOCK_OPENER.source.slice(1)}`);
const BLOCK_DOLLARS = /^ {0,3}\$\$([\s\S]+?)\$\$[ \t]*(?:\n|$)/;
const BLOCK_BRACKETS = /^ {0,3}\\\[([\s\S]+?)\\\][ \t]*(?:\n|$)/;
const FENCE_LINE = /^ {0,3}(?:```|~~~)/m;

const INLINE_DOLLARS = /^\$\$(?!\$)((?:[^$\n\\]|\\[^\n]|\n(?!\n))+?)\$\$/;
// No space inside, no digit behind the end.
const INLINE_DOLLAR = /^\$(?![\s$])((?:[^$\n\\`]|\\[^\n]|\n(?!\n))*?)(?<![\s\\])\$(?![\d$])/;

function token(raw: string, tex: string, display: boolean, open = false): MathToken {
  return { type: 'math', raw, tex: tex.trim(), display, open };
}

/** "$20 for lunch, about 2$" keeps to Pandoc's rule and is still no formula: a number, words, and nothing of TeX. */
function isPrice(tex: string): boolean {
  return /^\d/.test(tex) && /\p{L}{3}/u.test(tex) && !/[\\^_={}]/.test(tex);
}

/**
 * `$HOME/$USER`, `"$from" "$to"`, `f(data$x, data$y)`: the dollars of a program that stands in the text without a fence. One
 * that has an operator before it and a word behind it begins something, and ends nothing; and what has quotes in it, or
 * brackets that do not close, is no formula where it has no command of TeX either.
 */
function isCode(tex: string, behind: string): boolean {
  if (behind === '{' || (/[,:;/=.|&(+*{[<>'"-]$/.test(tex) && /[\p{L}_(]/u.test(behind))) return true;
  if (/\\[a-zA-Z]/.test(tex)) return false;
  const bare = tex.replace(/\\./g, '');
  return bare.includes('"') || count(bare, /[([{]/g) !== count(bare, /[)\]}]/g);
}

function count(text: string, marks: RegExp): number {
  return text.match(marks)?.length ?? 0;
}

/** A formula on lines of its own, blank lines inside allowed. */
export function blockMath(src: string): MathToken | undefined {
  const near = src.slice(0, MAX_FORMULA_CHARS + 1);
  const match = BLOCK_DOLLARS.exec(near) ?? BLOCK_BRACKETS.exec(near) ?? BLOCK_ENVIRONMENT.exec(near);
  if (!match) return undefined;
  const [raw, tex] = match;
  if (raw.length > MAX_FORMULA_CHARS || !tex?.trim() || FENCE_LINE.test(tex)) return undefined;
  return token(raw, tex, true);
}

/** A formula within a line or paragraph. */
export function inlineMath(src: string): MathToken | undefined {
  if (src.startsWith('\\(')) return closed('\\)', src, false);
  if (src.startsWith('\\[')) return closed('\\]', src, true);
  if (src.startsWith('\\begin{')) return matched(INLINE_ENVIRONMENT, src, true);
  if (src.startsWith('\\ce{') || src.startsWith('\\pu{')) return chemistry(src);
  if (src.startsWith('$$')) return matched(INLINE_DOLLARS, src, true);
  if (!src.startsWith('$')) return undefined;
  const found = matched(INLINE_DOLLAR, src, false);
  return found && !isPrice(found.tex) && !isCode(found.tex, src[found.raw.length] ?? '') ? found : undefined;
}

/** The beginning of a formula whose end has not come yet. A single dollar is more often a price: it waits as text. */
export function openMath(src: string): MathToken | undefined {
  if (src.length > MAX_FORMULA_CHARS) return undefined;
  if (src.startsWith('\\begin{')) return token(src, src, true, true);
  const match = /^(\\\(|\\\[|\$\$)([\s\S]*)$/.exec(src);
  if (!match) return undefined;
  return token(src, match[2] ?? '', match[1] !== '\\(', true);
}

/** As `openMath`, at the beginning of a line. */
export function openBlockMath(src: string): MathToken | undefined {
  if (!OPENS_BLOCK.test(src) || FENCE_LINE.test(src)) return undefined;
  const found = openMath(src.replace(/^ {1,3}/, ''));
  return found && { ...found, raw: src };
}

/** By a search for the end: an expression would look at each letter between, for each of many beginnings without an end. */
function closed(end: string, src: string, display: boolean): MathToken | undefined {
  const at = src.slice(0, MAX_FORMULA_CHARS).indexOf(end, 2);
  const tex = src.slice(2, Math.max(2, at));
  return tex.trim() && !tex.includes('\n\n') ? token(src.slice(0, at + 2), tex, display) : undefined;
}

function chemistry(src: string): MathToken | undefined {
  const match = CHEMISTRY.exec(src.slice(0, MAX_FORMULA_CHARS));
  return match ? token(match[0], match[0], false) : undefined;
}

function matched(rule: RegExp, src: string, display: boolean): MathToken | undefined {
  const match = rule.exec(src.slice(0, MAX_FORMULA_CHARS));
  return match?.[1]?.trim() ? token(match[0], match[1], display) : undefined;
}

/** The next place where a formula may begin inside a paragraph. */
export function inlineStart(src: string): number {
  return src.search(/\$|\\[([]|\\begin\{|\\(?:ce|pu)\{/);
}

/** The next line at which a formula may cut a paragraph. */
export function blockStart(src: string): number | undefined {
  const at = src.search(BLOCK_START);
  return at < 0 ? undefined : at + 1;
}

/** Hides the formulas of `src` from a search for emphasis in `masked`: the `_` in `\(a_1\)` opens and closes nothing. */
export function maskMath(src: string, masked: string): string {
  let result = masked;
  const offset = masked.length - src.length;
  for (let at = 0; at < src.length; ) {
    const rest = src.slice(at);
    const next = inlineStart(rest);
    if (next < 0) break;
    const length = inlineMath(rest.slice(next))?.raw.length ?? 0;
    const start = offset + at + next;
    if (length > 0) result = result.slice(0, start) + 'a'.repeat(length) + result.slice(start + length);
    at += next + (length || (rest[next] === '\\' ? 2 : 1));
  }
  return result;
}

/** Whether a token of marked is one of these. */
export function isMath(found: Tokens.Generic): found is MathToken {
  return found.type === 'math';
}
