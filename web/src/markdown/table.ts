/** Bars in the cells of a table that are no borders: `|x|` in a formula, `a | b` in code. */
import { inlineMath } from './math';

/** Stands for such a bar until the table is cut into cells: a character that nobody writes. */
export const PIPE = '\ue000';

const HEAD = /^ {0,3}(\S[^\n]*\|[^\n]*)\n {0,3}(?:\|? *:?-+:? *)(?:\| *:?-+:? *)*\|? *(?:\n|$)/;

/** The table at the beginning of a text, with such bars replaced, in rows that then have as many cells as the head; else the text as it is. */
export function hidePipes(src: string): string {
  const head = HEAD.exec(src);
  if (!head || src.includes(PIPE)) return src;
  const delimiter = head[0].split('\n')[1] ?? '';
  const cells = cellsIn(delimiter);
  const end = src.indexOf('\n\n');
  const table = end < 0 ? src : src.slice(0, end);
  const rows = table.split('\n').map((row, index) => {
    if (index === 1 || !/[$`\\]/.test(row) || cellsIn(row) === cells) return row;
    const hidden = hide(row);
    return cellsIn(hidden) === cells ? hidden : row;
  });
  return rows.join('\n') + src.slice(table.length);
}

function cellsIn(row: string): number {
  const inner = row.trim().replace(/^\|/, '').replace(/(?<!\\)\|$/, '');
  return (inner.match(/(?<!\\)\|/g)?.length ?? 0) + 1;
}

/** The row with the bars of its code and formulas replaced. */
function hide(row: string): string {
  let result = '';
  for (let at = 0; at < row.length; ) {
    const rest = row.slice(at);
    const code = /^(`+)(?!`)[^\n]*?[^`]\1(?!`)/.exec(rest)?.[0];
    const found = code ?? (/^[$\\]/.test(rest) ? inlineMath(rest)?.raw : undefined);
    result += found ? found.replaceAll('|', PIPE) : row[at];
    at += found?.length ?? 1;
  }
  return result;
}
