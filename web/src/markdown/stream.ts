/**
 * Markdown that grows: finished blocks are built once and never touched again, only the last one is built anew.
 *
 * A block is finished when a whole line of the next one is here; until then a line more could change what it is (a list
 * goes on behind a blank line, a paragraph becomes a heading by the line under it). For any division of a text into
 * pieces the result is that of the whole text, which a property test holds this file to.
 */
import { DETAILS_OPENER, MAX_DETAILS_CHARS } from './blocks';
import { build } from './build';
import { colourCode } from './code';
import { typesetFormulas } from './formula';
import { lex, type Links, type Token } from './lexer';
import { BLOCK_OPENER, MAX_FORMULA_CHARS } from './math';
import { mend } from './mend';
import { morph } from './morph';
import { Outline } from './outline';
import { watchOverflow } from './overflow';

/** The first line of a fenced code block at the left edge. */
const FENCE = /^(`{3,}|~{3,})[^\n`]*\n/;

/** A block of code that is still open: its lines go straight to the page, as nothing else can happen in it. */
interface OpenCode {
  fence: string;
  text: Text;
  /** Where, in the tail, the last line begins that was looked at; what of it is shown ends at `shown`. */
  line: number;
  shown: number;
}

/** Markdown in an element, piece by piece. */
export class MarkdownStream {
  private readonly root: HTMLElement;
  private source = '';
  /** Where the text begins that is not finished, and the last node before what shows it. */
  private committed = 0;
  private lastDone: ChildNode | null = null;
  private links: Links = {};
  /** The headings of what is finished. */
  private outline = new Outline();
  private endsInReturn = false;
  private openCode: OpenCode | undefined;

  constructor(root: HTMLElement) {
    this.root = root;
    root.replaceChildren();
  }

  /** Takes a piece. Nothing is shown before `render`. */
  push(piece: string): void {
    const text = this.endsInReturn && piece.startsWith('\n') ? piece.slice(1) : piece;
    if (piece) this.endsInReturn = piece.endsWith('\r');
    this.source += text.replace(/\r\n?/g, '\n');
  }

  /** Shows what has come so far. */
  render(): void {
    if (this.openCode && this.growCode(this.openCode)) return;
    const done = this.takeFinished();
    const tail = this.source.slice(this.committed);
    const fence = FENCE.exec(tail);
    const isOpenCode = fence?.[1] !== undefined && !hasEnd(tail, fence[0].length, fence[1]);
    const live = build(lex(isOpenCode ? fence[0] : mend(tail), 'growing', this.links).tokens, this.outline.copy());
    this.show(done, live);
    if (isOpenCode) this.startCode(fence[0].length, fence[1] ?? '');
  }

  /** There is no more: what is left is finished, and definitions that came late find their links. */
  end(): void {
    this.openCode = undefined;
    const { tokens, links } = lex(this.source.slice(this.committed), 'whole', this.links);
    if (Object.keys(links).length > 0) {
      this.lastDone = null;
      this.show(build(lex(this.source, 'whole').tokens, new Outline()), document.createDocumentFragment());
    } else {
      this.show(build(tokens, this.outline), document.createDocumentFragment());
    }
    this.source = '';
  }

  /** The first node that may still change. */
  private get firstLive(): ChildNode | null {
    return this.lastDone ? this.lastDone.nextSibling : this.root.firstChild;
  }

  /** Shows what is finished, which is not touched again, and what is not. Both in one go: nodes stay where they are. */
  private show(done: DocumentFragment, live: DocumentFragment): void {
    const first = this.lastDone;
    const count = done.childNodes.length;
    done.append(live);
    morph(this.root, done, this.firstLive);
    for (let index = 0; index < count; index++) {
      const node = this.firstLive;
      if (node instanceof HTMLElement) {
        colourCode(node);
        watchOverflow(node);
      }
      this.lastDone = node;
    }
    for (let node = first ? first.nextSibling : this.root.firstChild; node; node = node.nextSibling) {
      if (node instanceof HTMLElement) typesetFormulas(node);
    }
  }

  /** The blocks that are finished now; they count as committed from here on. */
  private takeFinished(): DocumentFragment {
    const tail = this.source.slice(this.committed);
    if (!tail.includes('\n')) return document.createDocumentFragment();
    const { tokens, links } = lex(tail, 'whole', this.links);
    const done = tokens.slice(0, finished(tokens, tail));
    if (done.length > 0) this.links = links;
    this.committed += done.reduce((length, token) => length + token.raw.length, 0);
    return build(done, this.outline);
  }

  private startCode(openingChars: number, fence: string): void {
    const code = this.root.lastElementChild?.querySelector('pre > code');
    if (!code) return;
    const text = document.createTextNode('');
    code.replaceChildren(text);
    this.openCode = { fence, text, line: openingChars, shown: openingChars };
    this.growCode(this.openCode);
  }

  /** Adds what has come; false when the block has ended. Looks at new lines only, however long the block is. */
  private growCode(open: OpenCode): boolean {
    const news = this.source.slice(this.committed + open.line);
    if (hasEnd(news, 0, open.fence)) {
      this.openCode = undefined;
      return false;
    }
    const lastLine = news.lastIndexOf('\n') + 1;
    // The last line waits while it may be the beginning of the end.
    const mayEnd = /^ {0,3}[`~]*[ \t]*$/.test(news.slice(lastLine));
    const end = open.line + (mayEnd ? lastLine : news.length);
    if (end > open.shown) {
      open.text.appendData(this.source.slice(this.committed + open.shown, this.committed + end));
      open.shown = end;
    }
    open.line += lastLine;
    return true;
  }
}

/** A text that is all here, in an element. */
export function renderMarkdown(root: HTMLElement, source: string): void {
  const stream = new MarkdownStream(root);
  stream.push(source);
  stream.end();
}

/** Whether a line of the text, from `start` on, ends a block of code. */
function hasEnd(text: string, start: number, fence: string): boolean {
  const mark = fence[0] === '`' ? '`' : '~';
  return new RegExp(`(?:^|\\n) {0,3}${mark}{${fence.length},}[ \\t]*(?:\\n|$)`).test(text.slice(Math.max(0, start - 1)));
}

/** How many of the tokens nothing that comes can change. */
function finished(tokens: readonly Token[], tail: string): number {
  let end = 0;
  let count = 0;
  for (const [index, token] of tokens.entries()) {
    const start = end;
    end += token.raw.length;
    const next = tokens[index + 1];
    // Blank space behind a block belongs to what comes: it may be the inside of a list.
    if (!next || token.type === 'space') continue;
    const follower = next.type === 'space' ? tokens[index + 2] : next;
    const followerStart = next.type === 'space' ? end + next.raw.length : end;
    if (!follower) break;
    if (tail.indexOf('\n', followerStart) < 0) break;
    if (awaitsFormula(token, tail, start) || awaitsDetailsEnd(token, tail, start)) break;
    if (next.type !== 'space' && !/\n[ \t]*\n$/.test(token.raw) && !standsByItself(next)) continue;
    count = next.type === 'space' ? index + 2 : index + 1;
  }
  return count;
}

/**
 * Whether a block that follows another without a blank line would be the same block at the start of a text. Tables,
 * formulas, underlined headings and HTML are what they are also by the lines around them: they stay with their neighbour.
 */
function standsByItself(token: Token): boolean {
  if (token.type === 'heading') return token.raw.trimStart().startsWith('#');
  if (token.type === 'code') return token.codeBlockStyle !== 'indented';
  // A list whose first item is empty interrupts a paragraph or belongs to it, as its next lines decide.
  if (token.type === 'list') return /^ {0,3}(?:[-+*]|\d{1,9}[.)])[ \t]+\S/.test(token.raw);
  return token.type === 'blockquote' || token.type === 'hr';
}

/** Whether a formula may have begun in this token whose end, behind a blank line, is still to come. */
function awaitsFormula(token: Token, tail: string, start: number): boolean {
  if (token.type === 'code' || token.type === 'math') return false;
  const opener = BLOCK_OPENER.exec(token.raw);
  return opener !== null && tail.length - (start + opener.index) <= MAX_FORMULA_CHARS;
}

/** Whether this token begins details whose end is still to come. */
function awaitsDetailsEnd(token: Token, tail: string, start: number): boolean {
  if (token.type === 'code' || token.type === 'details') return false;
  const opener = DETAILS_OPENER.exec(token.raw);
  return opener !== null && tail.length - (start + opener.index) <= MAX_DETAILS_CHARS;
}
