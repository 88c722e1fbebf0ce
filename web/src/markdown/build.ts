/**
 * Tokens to DOM. What comes in is whatever a model wrote; what goes out are elements of this list and text, nothing else:
 * tags in the text are shown as text but for a few pairs, addresses pass `safeAddress`, images become links.
 */
import type { MarkedToken, Token, Tokens } from 'marked';

import { el } from '../element';
import { words } from '../words';
import { safeAddress } from './address';
import type { DetailsToken, FootnoteRefToken, FootnoteToken } from './blocks';
import { codeBlock } from './code';
import { directionOf } from './direction';
import { decodeEntities } from './entities';
import { formula } from './formula';
import { isBreak, lines } from './lines';
import { isMath } from './math';
import type { Outline } from './outline';
import { pairAt } from './tags';

/** Deeper nesting than this is shown as source. It keeps the call stack and the page's width within bounds. */
const MAX_DEPTH = 24;

/** The nodes of these tokens. `outline` learns of their headings. */
export function build(tokens: readonly Token[], outline: Outline, depth = 0): DocumentFragment {
  const nodes = document.createDocumentFragment();
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] as Token;
    const pair = token.type === 'html' && depth <= MAX_DEPTH ? pairAt(tokens, at) : undefined;
    if (pair) {
      nodes.append(el(pair.name, {}, build(tokens.slice(at + 1, pair.end), outline, depth + 1)));
      at = pair.end;
    } else if (isPlain(token)) {
      nodes.append(lines(decodeEntities(token.text), nodes.lastChild, tokens[at + 1]));
    } else nodes.append(node(token, outline, depth));
  }
  return nodes;
}

function node(token: Token, outline: Outline, depth: number): Node {
  if (depth > MAX_DEPTH) return text(token.raw);
  const inner = () => build(('tokens' in token && token.tokens) || [], outline, depth + 1);
  if (isMath(token)) return formula(token);
  const own = token as DetailsToken | FootnoteToken | FootnoteRefToken;
  const known = token as MarkedToken;
  switch (own.type) {
    case 'details':
      return el('details', { open: own.isOpen, dir: directionOf(own.raw) },
        el('summary', {}, own.summary.length > 0 ? build(own.summary, outline, depth + 1) : words.details), inner());
    case 'footnote':
      return el('p', { class: 'footnote', dir: directionOf(own.raw) }, el('sup', {}, own.label), ' ', inner());
    case 'footnoteRef':
      return el('sup', { class: 'footnote-ref' }, own.label);
  }
  switch (known.type) {
    case 'paragraph':
      return el('p', { dir: directionOf(known.text) }, inner());
    case 'heading':
      return el(`h${outline.level(known.depth)}`, { class: `level-${known.depth}`, dir: directionOf(known.text) }, inner());
    case 'text':
      return inner();
    case 'escape':
      return text(known.text);
    case 'strong':
      return el('strong', {}, inner());
    case 'em':
      return el('em', {}, inner());
    case 'del':
      return el('del', {}, inner());
    case 'codespan':
      return el('code', { dir: 'ltr' }, known.text);
    case 'br':
      return el('br');
    case 'hr':
      return el('hr');
    case 'code':
      return codeBlock(known.text, known.lang?.trim().split(/\s/)[0] ?? '');
    case 'blockquote':
      return el('blockquote', { dir: directionOf(known.text) }, inner());
    case 'list':
      return list(known, outline, depth);
    case 'table':
      return table(known, outline, depth);
    case 'link':
      return link(known.autolink ? known.href : decodeEntities(known.href), known.title, inner());
    case 'image':
      return link(decodeEntities(known.href), known.title, text(decodeEntities(known.text) || words.image));
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

function isPlain(token: Token): token is Tokens.Text {
  return token.type === 'text' && !('tokens' in token && token.tokens);
}

function text(data: string): Text {
  return document.createTextNode(data);
}

/** Each item in its own direction; the marks and the margin stand where most of the list is read from. */
function list(token: Tokens.List, outline: Outline, depth: number): Node {
  const items = token.items.map((item) => el('li', { class: item.task && 'task', dir: directionOf(item.text) }, build(item.tokens, outline, depth + 1)));
  const dir = directionOf(token.raw);
  if (!token.ordered) return el('ul', { dir }, ...items);
  return el('ol', { dir, start: token.start === '' || token.start === 1 ? undefined : token.start }, ...items);
}

function checkbox(checked: boolean): Node {
  return el('span', { class: 'checkbox', role: 'img', 'aria-label': checked ? words.done : words.open }, checked ? '☑ ' : '☐ ');
}

/** Wide tables scroll in a box of their own. */
function table(token: Tokens.Table, outline: Outline, depth: number): Node {
  const cell = (name: 'th' | 'td') => (source: Tokens.TableCell) =>
    el(name, { class: source.align && `align-${source.align}` || undefined, scope: name === 'th' && 'col', dir: directionOf(source.text) },
      build(source.tokens, outline, depth + 1));
  const head = el('thead', {}, el('tr', {}, ...token.header.map(cell('th'))));
  const rows = token.rows.map((row) => el('tr', {}, ...row.map(cell('td'))));
  return el('div', { class: 'table', dir: directionOf(token.raw) },
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

function html(token: Tokens.HTML | Tokens.Tag): Node {
  if (isBreak(token.raw)) return el('br');
  return token.block ? el('p', { class: 'source' }, token.raw.trimEnd()) : text(token.raw);
}
