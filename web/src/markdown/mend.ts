/**
 * Makes the end of a text that still grows presentable: what is open is closed, what cannot be told yet is held back.
 * The result is shown for a frame or so; the text itself is never changed.
 */
import { inlineMath } from './math';

/** More marks than this are not meant as marks: a model that repeats itself, most likely. */
const MAX_OPEN_MARKS = 8;

/** A tag that becomes an element when it is closed, or the beginning of what may be one. */
const TAG = /^<(\/?)(?:(sub|sup|kbd|mark|u|b|i|s|strong|em|del|ins|small)>|[a-z]{0,6}$)/;

/** The text to show in place of `source`, whose end is not here yet. */
export function mend(source: string): string {
  const fence = openFence(source);
  // Inside code nothing but the beginning of its end is special.
  if (fence) return source.replace(/\n[ \t]*(?:`{1,2}|~{1,2}|`{3,}|~{3,})$/, '');
  const settled = holdBack(source);
  const start = inlineStart(settled);
  return settled.slice(0, start) + closeInline(settled.slice(start));
}

/** The fence of the code block in which the text ends, if it does. */
function openFence(source: string): string | undefined {
  let fence: string | undefined;
  for (const line of source.split('\n')) {
    if (fence) {
      const end = /^[ \t]*(`{3,}|~{3,})[ \t]*$/.exec(line)?.[1];
      if (end && end[0] === fence[0] && end.length >= fence.length) fence = undefined;
    } else {
      fence = /^(?:[ \t]|[-*+>] |\d+[.)] )*(`{3,}(?=[^`]*$)|~{3,})/.exec(line)?.[1];
    }
  }
  return fence;
}

/** Drops a last line that may turn out to be anything: a list's marker, an underline, the beginning of a table. */
function holdBack(source: string): string {
  const lineStart = source.lastIndexOf('\n') + 1;
  const line = source.slice(lineStart);
  if (/^[ \t>]*(?:[-=*_+#]+|\d{1,9}[.)]?|`{1,2}|~{1,2})[ \t]*$/.test(line)) return source.slice(0, lineStart);
  // A table is one only from its second line on; until then its head would be a paragraph full of pipes.
  const paragraph = source.lastIndexOf('\n\n') + 1;
  const block = source.slice(paragraph).replace(/^\n+/, '');
  if (/^\|[^\n]*(?:\n[-:| \t]*)?$/.test(block)) return source.slice(0, source.length - block.length);
  return source;
}

/** Where the last run of text begins that emphasis can span. */
function inlineStart(source: string): number {
  const lines = /\n[ \t]*\n|\n(?=[ \t]*(?:[-*+] |\d+[.)] |#{1,6} |>|\|))/g;
  let start = 0;
  for (const match of source.matchAll(lines)) start = match.index + match[0].length;
  // The marker of a list item is no emphasis.
  return start + (/^(?:[ \t]*(?:[-*+] |\d+[.)] |#{1,6} |>))*/.exec(source.slice(start))?.[0].length ?? 0);
}

/** Closes what is open, in the order in which it was opened. */
function closeInline(run: string): string {
  const open: string[] = [];
  let bracket = -1;
  let at = 0;
  while (at < run.length) {
    const rest = run.slice(at);
    const formula = inlineMath(rest);
    if (formula) {
      at += formula.raw.length;
    } else if (/^(?:\\[([]|\\begin\{|\$\$)/.test(rest)) {
      return run; // An open formula reaches to the end, and nothing can be closed behind it.
    } else if (rest[0] === '\\') {
      if (rest.length === 1) return finish(run.slice(0, at), open, bracket);
      at += 2;
    } else if (rest[0] === '`') {
      const ticks = /^`+/.exec(rest)?.[0] ?? '`';
      const end = rest.indexOf(ticks, ticks.length);
      if (end < 0) {
        const code = rest.slice(ticks.length);
        return code.trim() ? finish(`${run}${ticks}`, open, bracket) : finish(run.slice(0, at), open, bracket);
      }
      at += end + ticks.length;
    } else if (/^(?:\*{1,3}|~~|_{1,2})/.test(rest)) {
      const mark = /^(?:\*{1,3}|~~|_{1,2})/.exec(rest)?.[0] ?? '*';
      if (rest.length === mark.length && open.at(-1) !== mark) return finish(run.slice(0, at).trimEnd(), open, bracket);
      toggle(open, mark, run[at - 1] ?? ' ', rest[mark.length] ?? ' ');
      at += mark.length;
    } else if (rest[0] === '<' && TAG.test(rest)) {
      const [tag = '<', slash, name] = TAG.exec(rest) ?? [];
      if (!tag.endsWith('>')) return finish(run.slice(0, at), open, bracket);
      if (!slash) open.push(`</${name}>`);
      else if (open.at(-1) === tag) open.pop();
      at += tag.length;
    } else if (rest[0] === '[') {
      bracket = at;
      at += 1;
    } else if (bracket >= 0 && rest[0] === ']') {
      const target = /^\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s+["'][^"']*["'])?\s*\)/.exec(rest)?.[0];
      if (!target && /^\]\([^)]*$/.test(rest)) return finish(run.slice(0, at), open, bracket);
      bracket = -1;
      at += target?.length ?? 1;
    } else {
      at += /^[^\\`*~_[\]$<]+/.exec(rest)?.[0].length ?? 1;
    }
  }
  return finish(run, open, bracket);
}

/** A mark closes its like if it follows text, and opens if text follows it. */
function toggle(open: string[], mark: string, before: string, after: string): void {
  const isInWord = mark.startsWith('_') && /\p{L}|\p{N}/u.test(before) && /\p{L}|\p{N}/u.test(after);
  if (isInWord) return;
  if (open.at(-1) === mark && /\S/.test(before)) open.pop();
  else if (/\S/.test(after)) open.push(mark);
}

/** The run with its marks closed; of a link without an end only the words are shown, of an image nothing. */
function finish(run: string, open: readonly string[], bracket: number): string {
  let shown = run;
  if (bracket >= 0 && bracket < run.length) {
    const isImage = run[bracket - 1] === '!';
    shown = isImage ? run.slice(0, bracket - 1) : run.slice(0, bracket) + run.slice(bracket + 1);
  }
  if (open.length === 0 || open.length > MAX_OPEN_MARKS) return shown;
  const trimmed = shown.trimEnd();
  return trimmed + [...open].reverse().join('');
}
