/**
 * Tokens to DOM. What comes in is whatever a model wrote; what goes out are elements of this list and text, nothing else:
 * tags in the text are shown as text, addresses pass `safeAddress`, images become links.
 */
import type { MarkedToken, Token, Tokens } from 'marked';

import { el } from '../element';
import { safeAddress } from './address';
import { codeBlock } from './code';
import { decodeEntities } from './entities';
import { formula } from './formula';
import { isMath } from './math';

/** Deeper nesting than this is shown as source. It keeps the call stack and the page's width within bounds. */
const MAX_DEPTH = 24;

/** The nodes of these tokens. */
export function build(tokens: readonly Token[], depth = 0): DocumentFragment {
  const nodes = document.createDocumentFragment();
  for (const token of tokens) nodes.append(node(token, depth));
  return nodes;
}

function node(token: Token, depth: number): Node {
  if (depth > MAX_DEPTH) return text(token.raw);
  const inner = () => build(('tokens' in token && token.tokens) || [], depth + 1);
  if (isMath(token)) return formula(token);
  const known = token as MarkedToken;
  switch (known.type) {
    case 'paragraph':
      return el('p', {}, inner());
    case 'heading':
      // The page's own headings are h1 (the page) and h2 (each turn): an answer's begin below.
      return el(`h${Math.min(known.depth + 2, 6) as 3 | 4 | 5 | 6}`, { class: `level-${known.depth}` }, inner());
    case 'text':
      return known.tokens ? inner() : text(decodeEntities(known.text));
    case 'escape':
      return text(known.text);
    case 'strong':
      return el('strong', {}, inner());
    case 'em':
      return el('em', {}, inner());
    case 'del':
      return el('del', {}, inner());
    case 'codespan':
      return el('code', {}, known.text);
    case 'br':
      return el('br');
    case 'hr':
      return el('hr');
    case 'code':
      return codeBlock(known.text, known.lang?.trim().split(/\s/)[0] ?? '');
    case 'blockquote':
      return el('blockquote', {}, inner());
    case 'list':
      return list(known, depth);
    case 'table':
      return table(known, depth);
    case 'link':
      return link(known.autolink ? known.href : decodeEntities(known.href), known.title, inner());
    case 'image':
      return link(decodeEntities(known.href), known.title, text(decodeEntities(known.text) || 'image'));
    case 'checkbox':
      return checkbox(known.checked);
    case 'html':
      return html(known);
    case 'space':
    case 'def':
      return document.createDocumentFragment();
    default:
      return text((known as Token).raw);
  }
}

function text(data: string): Text {
  return document.createTextNode(data);
}

function list(token: Tokens.List, depth: number): Node {
  const items = token.items.map((item) => el('li', { class: item.task && 'task' }, build(item.tokens, depth + 1)));
  if (!token.ordered) return el('ul', {}, ...items);
  return el('ol', { start: token.start === '' || token.start === 1 ? undefined : token.start }, ...items);
}

function checkbox(checked: boolean): Node {
  return el('span', { class: 'checkbox', role: 'img', 'aria-label': checked ? 'done' : 'open' }, checked ? '☑ ' : '☐ ');
}

/** Wide tables scroll in a box of their own, which a keyboard must be able to reach. */
function table(token: Tokens.Table, depth: number): Node {
  const cell = (name: 'th' | 'td') => (source: Tokens.TableCell) =>
    el(name, { class: source.align && `align-${source.align}` || undefined, scope: name === 'th' && 'col' },
      build(source.tokens, depth + 1));
  const head = el('thead', {}, el('tr', {}, ...token.header.map(cell('th'))));
  const rows = token.rows.map((row) => el('tr', {}, ...row.map(cell('td'))));
  return el('div', { class: 'table', role: 'region', 'aria-label': 'Table', tabindex: 0 },
    el('table', {}, head, rows.length > 0 && el('tbody', {}, ...rows)));
}

/** Where a link leads is not this page's business to know: no referrer, no opener, no vote for search engines. */
function link(href: string, title: string | null | undefined, inner: Node): Node {
  const address = safeAddress(href);
  if (!address) return el('span', { class: 'dead-link' }, inner);
  return el('a', {
    href: address, rel: 'noopener noreferrer nofollow', target: '_blank', title: title ? decodeEntities(title) : undefined,
  }, inner);
}

/** Line breaks in table cells are the one tag that models use for good reason. */
function html(token: Tokens.HTML | Tokens.Tag): Node {
  if (/^<br\s*\/?>$/i.test(token.raw.trim())) return el('br');
  return token.block ? el('p', { class: 'source' }, token.raw.trimEnd()) : text(token.raw);
}
