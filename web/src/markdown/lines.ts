/**
 * Lines of a text. CommonMark joins them; but a model that begins a new line means one: an address, a poem, steps of a sum,
 * "• " before each point, a program without a fence. A single answer that wraps its prose by hand loses nothing by it.
 */
import type { Token } from 'marked';

import { el } from '../element';
import { isMath } from './math';

/** The lines of a piece of text between two others, of which the one before is already built. */
export function lines(text: string, before: Node | null, next: Token | undefined): DocumentFragment {
  const inner = text.slice(text.startsWith('\n') && endsLine(before) ? 1 : 0, text.endsWith('\n') && beginsLine(next) ? -1 : undefined);
  const nodes = document.createDocumentFragment();
  for (const [index, line] of inner.split('\n').entries()) {
    if (index > 0) nodes.append(el('br'));
    if (line) nodes.append(document.createTextNode(line));
  }
  return nodes;
}

/** Breaks, and formulas that have lines of their own. */
function endsLine(node: Node | null): boolean {
  return node instanceof HTMLElement && (node.localName === 'br' || node.matches('.formula.display'));
}

function beginsLine(token: Token | undefined): boolean {
  return token !== undefined && ((isMath(token) && token.display) || (token.type === 'html' && isBreak(token.raw)));
}

/** The one tag that models use for good reason in cells of tables. */
export function isBreak(tag: string): boolean {
  return /^<br\s*\/?>$/i.test(tag.trim());
}
