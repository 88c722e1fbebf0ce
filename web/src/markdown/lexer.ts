/**
 * Markdown to tokens: marked's lexer, with math, folded details and footnotes, and with what models write although it is not
 * as CommonMark has it. Only the lexer of marked is used. It makes no HTML, and so this page has no HTML string that could
 * be unsafe.
 */
import { Lexer, type Links, Tokenizer, type Token, type Tokens } from 'marked';

import { addressEnd } from './address';
import { details, detailsStart, footnote, footnoteRef, footnoteStart, openDetails } from './blocks';
import { boldInCjk, boldWithSpace, isOfComments, isOperator } from './emphasis';
import { blockMath, blockStart, inlineMath, inlineStart, maskMath, openBlockMath, openMath } from './math';
import { closeOpen } from './open';
import { hidePipes, PIPE } from './table';

export type { Links, Token };

/** `whole`: the text is complete. `growing`: more will come, and a formula without an end is an open formula. */
export type Stage = 'whole' | 'growing';

/**
 * A paragraph longer than this is shown as it is written. No prose is; but a model that repeats itself for minutes makes
 * such, and looking for marks takes time that grows with the square of the length.
 */
export const MAX_INLINE_CHARS = 16_000;

class ChatTokenizer extends Tokenizer {
  /** The mask of the text that was looked at last: it is the same for all that may be emphasis in one paragraph. */
  private mask = { of: '', is: '' };

  /** Emphasis as people mean it, where CommonMark sees another. */
  override emStrong(src: string, masked: string, before = ''): Tokens.Em | Tokens.Strong | undefined {
    // The lexer asks at every letter.
    if ((src[0] !== '*' && src[0] !== '_') || isOperator(src, before)) return undefined;
    if (this.mask.of !== masked) this.mask = { of: masked, is: maskMath(src, masked) };
    const usual = super.emStrong(src, this.mask.is, before);
    if (usual) return isOfComments(usual.text) ? undefined : usual;
    const bold = boldInCjk(src, before);
    return bold && { type: 'strong', ...bold, tokens: this.lexer.inlineTokens(bold.text) };
  }

  /** An address that is followed by Chinese punctuation, or by Arabic, ends there: the sentence goes on, the address does not. */
  override url(src: string): Tokens.Link | undefined {
    const found = super.url(src);
    if (!found || /^mailto:/i.test(found.href)) return found;
    const end = addressEnd(found.raw);
    if (end === found.raw.length) return found;
    const raw = found.raw.slice(0, end);
    const href = found.href.slice(0, found.href.length - (found.raw.length - end));
    return { ...found, raw, href, text: raw, tokens: [{ type: 'text', raw, text: raw, escaped: false }] };
  }

  /** A single tilde is "about" ("~5 km, ~7 km"): only two strike out. */
  override del(src: string, masked: string, before?: string): Tokens.Del | undefined {
    return src.startsWith('~~') ? super.del(src, masked, before) : undefined;
  }

  /** A bar in a cell's code or formula is no border where the row then has as many cells as its head. */
  override table(src: string): Tokens.Table | undefined {
    const hidden = hidePipes(src);
    if (hidden === src) return super.table(src);
    const { inlineQueue } = this.lexer;
    const queued = inlineQueue.length;
    const found = super.table(hidden);
    if (!found) return undefined;
    const shown = (text: string) => text.replaceAll(PIPE, '|');
    for (const waiting of inlineQueue.slice(queued)) waiting.src = shown(waiting.src);
    for (const cell of [found.header, ...found.rows].flat()) cell.text = shown(cell.text);
    return { ...found, raw: shown(found.raw) };
  }

  /** Tags are text here. Without this an `<a>` would change how text far behind it is read. */
  override tag(src: string): Tokens.Tag | undefined {
    const found = super.tag(src);
    this.lexer.state.inLink = false;
    this.lexer.state.inRawBlock = false;
    return found;
  }
}

class ChatLexer extends Lexer {
  /** What is still growing; null for a text that is whole. */
  growing: string | null = null;

  override inlineTokens(src: string, tokens: Token[] = []): Token[] {
    if (src.length > MAX_INLINE_CHARS) tokens.push({ type: 'text', raw: src, text: src, escaped: false });
    else super.inlineTokens(src, tokens);
    if (this.isLastRun(src, tokens)) tokens.splice(0, tokens.length, ...closeOpen(tokens));
    return tokens;
  }

  /** Whether the text ends in this run, which may be one of many: of a list's items, of a table's cells. */
  private isLastRun(src: string, tokens: Token[]): boolean {
    return this.growing !== null && tokens === this.inlineQueue.at(-1)?.tokens && this.growing.trimEnd().endsWith(src.trimEnd());
  }
}

/** Token and links of a text. `known` are link definitions that stood before it. */
export function lex(source: string, stage: Stage, known: Links = {}): { tokens: Token[]; links: Links } {
  const growing = stage === 'growing';
  const lexer = new ChatLexer({
    gfm: true,
    tokenizer: new ChatTokenizer(),
    extensions: {
      renderers: {},
      childTokens: {},
      // Each is bound to the lexer that works.
      block: [blockMath, details, footnote, ...(growing ? [openBlockMath, openDetails] : [])] as never,
      inline: [inlineMath, footnoteRef, boldWithSpace, ...(growing ? [openMath] : [])] as never,
      // marked asks for a number; what it does with "nowhere" is to look for a number of at least 0.
      startBlock: [(src) => blockStart(src) ?? -1, detailsStart, footnoteStart],
      startInline: [inlineStart, (src) => src.indexOf('[^')],
    },
  });
  Object.assign(lexer.tokens.links, known);
  if (growing) lexer.growing = source;
  try {
    const tokens = lexer.lex(source);
    return { tokens, links: tokens.links };
  } catch (error) {
    // Thousands of nested quotes exhaust the call stack. Such a text is shown as it is written.
    if (!(error instanceof RangeError)) throw error;
    return { tokens: [{ type: 'html', raw: source, text: source, block: true, pre: false }], links: {} };
  }
}
