/** Tags that models use for good reason, and that become elements: without attributes, and only in pairs. */
import type { Token } from 'marked';

/** What each becomes. Everything else stays text. */
const NAMES = {
  sub: 'sub', sup: 'sup', kbd: 'kbd', mark: 'mark', u: 'u', small: 'small',
  b: 'strong', strong: 'strong', i: 'em', em: 'em', s: 's', del: 'del', ins: 'ins',
} as const;

type Written = keyof typeof NAMES;

/** The element that an opening tag stands for. */
type PairName = (typeof NAMES)[Written];

/** A pair of tags: where its closing one is, and what it becomes. */
export interface Pair {
  name: PairName;
  /** Of the closing tag, among the tokens. */
  end: number;
}

/** The pair that begins with the token at this place, if one does. */
export function pairAt(tokens: readonly Token[], at: number): Pair | undefined {
  const written = tagName(tokens[at], '');
  if (!written) return undefined;
  let depth = 1;
  for (let end = at + 1; end < tokens.length; end++) {
    if (tagName(tokens[end], '') === written) depth += 1;
    if (tagName(tokens[end], '/') !== written) continue;
    depth -= 1;
    if (depth === 0) return { name: NAMES[written], end };
  }
  return undefined;
}

/** The closing tags that these tokens still want, the innermost first. */
export function unclosedTags(tokens: readonly Token[]): Token[] {
  const open: string[] = [];
  for (const token of tokens) {
    const opened = tagName(token, '');
    if (opened) open.push(opened);
    const at = open.lastIndexOf(tagName(token, '/') ?? '');
    if (at >= 0) open.splice(at);
  }
  return open.reverse().map((name) => ({ type: 'html', raw: `</${name}>`, text: `</${name}>`, block: false }));
}

function tagName(token: Token | undefined, slash: '' | '/'): Written | undefined {
  if (token?.type !== 'html' || token.block) return undefined;
  const name = /^<(\/?)([a-z]+)>$/i.exec(token.raw);
  const written = name?.[1] === slash ? name[2]?.toLowerCase() : undefined;
  return written && Object.hasOwn(NAMES, written) ? (written as Written) : undefined;
}
