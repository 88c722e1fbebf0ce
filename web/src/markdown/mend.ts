/**
 * The end of a text that still grows, without what cannot be told yet: letters and lines that may turn out to be anything.
 * What is open before them is the business of `open.ts`, which has the tokens. The result is shown for a frame or so; the text itself is never changed.
 */

/** A line that the next letters decide about: a list's marker, an underline, the beginning of a fence. */
const UNDECIDED_LINE = /^[ \t>]*(?:[-=*_+#]+|\d{1,9}[.)]?|`{1,2}|~{1,2})[ \t]*$/;
/** As much of a line: marks, which look the same where they close something, an escape, a tag or a footnote's mark. */
const UNDECIDED_END = /[ \t]*(?:\*{1,3}|_{1,2}|~{1,2}|`+)$|\\$|<\/?[a-z]{0,6}$|\[\^[\p{L}\p{N}_.:-]{0,40}$/u;
/** In a block of code nothing but the beginning of its end is special. */
const FENCE_BEGUN = /^[ \t]*[`~]+$/;

/** The text to show in place of `source`, whose end is not here yet. */
export function mend(source: string): string {
  const lineStart = source.lastIndexOf('\n') + 1;
  const line = source.slice(lineStart);
  if (isInCode(source)) return FENCE_BEGUN.test(line) && lineStart > 0 ? source.slice(0, lineStart - 1) : source;
  if (UNDECIDED_LINE.test(line)) return source.slice(0, lineStart);
  const head = tableHead(source);
  return head ? source.slice(0, source.length - head.length) : source.slice(0, lineStart) + line.replace(UNDECIDED_END, '');
}

/** Whether the text ends in a block of code. */
function isInCode(source: string): boolean {
  let fence: string | undefined;
  for (const line of source.split('\n')) {
    if (fence === undefined) fence = /^(?:[ \t]|[-*+>] |\d+[.)] )*(`{3,}(?=[^`]*$)|~{3,})/.exec(line)?.[1];
    else if (isEndOf(fence, line)) fence = undefined;
  }
  return fence !== undefined;
}

function isEndOf(fence: string, line: string): boolean {
  const marks = line.trim();
  return marks.length >= fence.length && marks === (fence[0] ?? '').repeat(marks.length);
}

/** A table is one only from its second line on; until then its head would be a paragraph full of pipes. */
function tableHead(source: string): string {
  const block = source.slice(source.lastIndexOf('\n\n') + 1).replace(/^\n+/, '');
  return /^\|[^\n]*(?:\n[-:| \t]*)?$/.test(block) ? block : '';
}
