/** Blocks that are not of CommonMark, and that models write all the same: folded details, and footnotes. */
import type { Token, TokenizerThis } from 'marked';

/** Details that go on longer are shown as they are written. It bounds how long the live view waits for their end. */
export const MAX_DETAILS_CHARS = 20_000;

/** A line that begins details. */
export const DETAILS_OPENER = /^ {0,3}<details(?: open(?:="[^"\n]*")?)?>/im;

const OPENER_HERE = new RegExp(`${DETAILS_OPENER.source}\\s*(?:<summary>([^<]*(?:<(?!\\/summary>)[^<]*)*)<\\/summary>)?`, 'i');
const END = '</details>';

/** Details with their summary; `isOpen` when their end has not come yet, which happens in the live view only. */
export interface DetailsToken {
  type: 'details';
  raw: string;
  summary: Token[];
  tokens: Token[];
  isOpen: boolean;
}

/** A footnote where it is written. */
export interface FootnoteToken {
  type: 'footnote';
  raw: string;
  label: string;
  tokens: Token[];
}

/** A mark that refers to one. */
export interface FootnoteRefToken {
  type: 'footnoteRef';
  raw: string;
  label: string;
}

/** `<details><summary>…</summary> … </details>`, with Markdown in it. */
export function details(this: TokenizerThis, src: string): DetailsToken | undefined {
  const opener = OPENER_HERE.exec(src);
  if (!opener) return undefined;
  const near = src.slice(0, MAX_DETAILS_CHARS);
  const end = near.toLowerCase().indexOf(END, opener[0].length);
  if (end < 0) return undefined;
  const rest = /^[ \t]*(?:\n|$)/.exec(src.slice(end + END.length));
  return made(this, src.slice(0, end + END.length + (rest?.[0].length ?? 0)), opener, src.slice(opener[0].length, end), false);
}

/** As `details`, while the end is still to come. */
export function openDetails(this: TokenizerThis, src: string): DetailsToken | undefined {
  const opener = OPENER_HERE.exec(src);
  if (!opener || src.length > MAX_DETAILS_CHARS) return undefined;
  return made(this, src, opener, src.slice(opener[0].length), true);
}

function made({ lexer }: TokenizerThis, raw: string, opener: RegExpExecArray, inner: string, isOpen: boolean): DetailsToken {
  const summary = opener[1]?.trim().replace(/\s+/g, ' ') ?? '';
  return { type: 'details', raw, summary: lexer.inlineTokens(summary), tokens: lexer.blockTokens(inner.replace(/^\n+/, ''), []), isOpen };
}

/** Where details may cut a paragraph. */
export function detailsStart(src: string): number {
  const at = src.search(/\n {0,3}<details/i);
  return at < 0 ? -1 : at + 1;
}

const FOOTNOTE = /^ {0,3}\[\^([^\]\s]{1,40})\]:[ \t]+([^\n]+(?:\n(?![ \t]*(?:\n|$)| {0,3}\[\^| {0,3}(?:`{3}|~{3}|[-*+>#|]|\d+[.)]))[^\n]+)*)(?:\n|$)/;

/** `[^1]: text`. */
export function footnote(this: TokenizerThis, src: string): FootnoteToken | undefined {
  const match = FOOTNOTE.exec(src);
  if (!match) return undefined;
  const [raw, label = '', text = ''] = match;
  return { type: 'footnote', raw, label, tokens: this.lexer.inline(text.replace(/\n[ \t]*/g, '\n')) as Token[] };
}

/** Where a footnote may cut a paragraph. */
export function footnoteStart(src: string): number {
  const at = src.search(/\n {0,3}\[\^[^\]\s]{1,40}\]:[ \t]/);
  return at < 0 ? -1 : at + 1;
}

/** `[^1]` in a text; not `[^"]` and `[^a-z]`, which are of regular expressions. */
export function footnoteRef(src: string): FootnoteRefToken | undefined {
  const match = /^\[\^([\p{L}\p{N}_.:-]{1,40})\]/u.exec(src);
  if (!match?.[1] || /^(?:[a-z]-[a-z]|[A-Z]-[A-Z]|\d-\d|_)+$/.test(match[1])) return undefined;
  return { type: 'footnoteRef', raw: match[0], label: match[1] };
}
