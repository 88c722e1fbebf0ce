/**
 * What is open at the end of a text that still grows. The lexer leaves a mark without its end as text; here, where the end
 * may still come, such text becomes what it begins: `**bold` is bold, of `[words](https://exa` the words are shown.
 */
import type { Token, Tokens } from 'marked';

import { isOperator } from './emphasis';
import { unclosedTags } from './tags';

/** More marks than this are not meant as marks: a model that repeats itself, most likely. */
const MAX_OPEN_MARKS = 8;

/** The tokens of a text's last run, with what is open in them closed. */
export function closeOpen(run: readonly Token[]): Token[] {
  return withCode(run) ?? withMarks(withoutLink(run), MAX_OPEN_MARKS);
}

/** A code span without its end reaches to the end of the text, whatever was taken for a mark in it. */
function withCode(run: readonly Token[]): Token[] | undefined {
  const found = find(run, /`+/g, () => true);
  if (!found) return undefined;
  const code = rawOf(found.behind);
  const before = withoutLink(found.before);
  if (!code.trim()) return withMarks(trimmedEnd(before), MAX_OPEN_MARKS);
  return withMarks([...before, { type: 'codespan', raw: found.mark + code, text: code }], MAX_OPEN_MARKS);
}

/** Of a link whose address has not ended only the words are there, of an image nothing. */
function withoutLink(run: readonly Token[]): readonly Token[] {
  const found = find(run, /!?\[/g, ({ behind }) => /^[^[\]]*(?:\]\([^)]*)?$/.test(rawOf(behind)));
  if (!found) return run;
  if (found.mark === '![') return found.before;
  const words = find(found.behind, /\]\(/g, () => true)?.before ?? found.behind;
  return [...found.before, ...words];
}

/** Emphasis that has begun holds all that comes behind it, and so does a tag. */
function withMarks(run: readonly Token[], room: number): Token[] {
  const found = find(run, /\*+|_+|~+/g, ({ mark, before, behind }) => opens(mark, rawOf(before.slice(-1)).at(-1) ?? '', rawOf(behind.slice(0, 1))[0] ?? ' '));
  if (!found) return [...run, ...unclosedTags(run)];
  if (room === 0) return [...run];
  const inner = withMarks(trimmedEnd(found.behind), room - 1);
  return [...found.before, ...emphasis(found.mark, inner), ...unclosedTags(found.before)];
}

/** A mark opens if text follows it; in a word only stars do, and not where they multiply. */
function opens(mark: string, before: string, after: string): boolean {
  if (/\s/.test(after) || mark.length > 3 || (mark[0] === '~' && mark.length !== 2) || isOperator(mark + after, before)) return false;
  return !(mark[0] === '_' && /[\p{L}\p{N}]/u.test(before) && /[\p{L}\p{N}]/u.test(after));
}

function emphasis(mark: string, tokens: Token[]): Token[] {
  const raw = mark + rawOf(tokens);
  const of = (type: 'em' | 'strong' | 'del', inner: Token[]): Token => ({ type, raw, text: '', tokens: inner });
  if (mark === '~~') return [of('del', tokens)];
  if (mark.length === 1) return [of('em', tokens)];
  return [of('strong', mark.length === 2 ? tokens : [of('em', tokens)])];
}

/** A place in a run: what stands there, and the tokens around it, cut where that begins and ends. */
interface Found {
  mark: string;
  before: Token[];
  behind: Token[];
}

/** The first mark of this kind in the run's own text that is meant. */
function find(run: readonly Token[], kind: RegExp, isMeant: (found: Found) => boolean): Found | undefined {
  for (const [index, token] of run.entries()) {
    if (!isText(token)) continue;
    for (const { 0: mark, index: at } of token.raw.matchAll(kind)) {
      const found: Found = {
        mark,
        before: [...run.slice(0, index), ...textOf(token.raw.slice(0, at))],
        behind: [...textOf(token.raw.slice(at + mark.length)), ...run.slice(index + 1)],
      };
      if (isMeant(found)) return found;
    }
  }
  return undefined;
}

function trimmedEnd(run: readonly Token[]): Token[] {
  const last = run.at(-1);
  return isText(last) ? [...run.slice(0, -1), ...textOf(last.raw.trimEnd())] : [...run];
}

function isText(token: Token | undefined): token is Tokens.Text {
  return token?.type === 'text';
}

function textOf(raw: string): Tokens.Text[] {
  return raw ? [{ type: 'text', raw, text: raw, escaped: false }] : [];
}

function rawOf(run: readonly Token[]): string {
  return run.map(({ raw }) => raw).join('');
}
