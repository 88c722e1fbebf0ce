/**
 * What a reader meant by marks that models write although CommonMark has them otherwise, or not at all: each decision with
 * the line that made it, many of them from public reports of chats that read them otherwise.
 */
import { describe, expect, test } from 'vitest';

import { addressEnd } from '../../src/markdown/address';
import { directionOf } from '../../src/markdown/direction';
import { renderMarkdown } from '../../src/markdown/stream';

function render(source: string): HTMLElement {
  const root = document.createElement('div');
  renderMarkdown(root, source);
  return root;
}

/** Elements by name, without their attributes, and text. */
function outline(node: Node): string {
  const inner = [...node.childNodes].map(outline).join('');
  if (!(node instanceof HTMLElement)) return node.textContent ?? '';
  if (node.classList.contains('formula')) return `[${node.dataset.tex}]`;
  return node.localName === 'div' || node.localName === 'p' ? inner : `<${node.localName}>${inner}</>`;
}

const DECISIONS: [why: string, source: string, meant: string][] = [
  ['a single tilde is "about"', 'It takes ~5 km to ~7 km, ~100~200 m.', 'It takes ~5 km to ~7 km, ~100~200 m.'],
  ['also in brackets, before prices and paths, and in ranges', 'Fix (~2000 lines), delete (~5000 lines), ~$120B (~$55–65B), ~/foo and ~/bar, 1~10,11~20.', 'Fix (~2000 lines), delete (~5000 lines), ~$120B (~$55–65B), ~/foo and ~/bar, 1~10,11~20.'],
  ['two tildes strike out', 'a ~~b~~ c', 'a <del>b</> c'],
  ['shell variables are no formula', 'Add $HOME/bin:$PATH and ${HOME}/x:${PATH} to it.', 'Add $HOME/bin:$PATH and ${HOME}/x:${PATH} to it.'],
  ['nor are those of PHP and Perl', 'Call f($x,$y) or $a->{$b}.', 'Call f($x,$y) or $a->{$b}.'],
  ['nor prices', 'From $5/month to $10/month, $1,000-$2,000, **$5**–**$10**.', 'From $5/month to $10/month, $1,000-$2,000, <strong>$5</>–<strong>$10</>.'],
  ['nor prices in a report', '(1.58 g/L, ~$0.79/m³ gross). MgO is only about $300/t.', '(1.58 g/L, ~$0.79/m³ gross). MgO is only about $300/t.'],
  ['but a price inside a formula is part of it', 'You pay $\\$0.60$ or $17 \\times 24 = 408$.', 'You pay [\\$0.60] or [17 \\times 24 = 408].'],
  ['a formula glued to prose', 'decomposes as$$\n\\mathbf{6} = a\n$$with b', 'decomposes as[\\mathbf{6} = a]with b'],
  ['but a formula that words follow is one', 'The $n$th of the $x$s, $O(n)$-time', 'The [n]th of the [x]s, [O(n)]-time'],
  ['an environment is a formula without dollars', '\\begin{align}\na &= b \\\\ c &= d\n\\end{align}', '[\\begin{align}\na &= b \\\\ c &= d\n\\end{align}]'],
  ['also inside a paragraph', 'so \\begin{cases}1\\\\2\\end{cases} holds', 'so [\\begin{cases}1\\\\2\\end{cases}] holds'],
  ['an environment of text is none', '\\begin{itemize} x \\end{itemize}', '\\begin{itemize} x \\end{itemize}'],
  ['chemistry is a formula', 'Water is \\ce{H2O}, $\\ce{CO2}$.', 'Water is [\\ce{H2O}], [\\ce{CO2}].'],
  ['a bar in a formula is no border of a cell', '| a | b |\n|---|---|\n| $|x|$ | y |', '<table><thead><tr><th>a</><th>b</></></><tbody><tr><td>[|x|]</><td>y</></></></>'],
  ['nor is one in code', '| a | b |\n|---|---|\n| `x | y` | z |', '<table><thead><tr><th>a</><th>b</></></><tbody><tr><td><code>x | y</></><td>z</></></></>'],
  ['but where the row has its cells without that, it is', '| a | b |\n|---|---|\n| `x | y` |', '<table><thead><tr><th>a</><th>b</></></><tbody><tr><td>`x</><td>y`</></></></>'],
  ['letters below and above', 'H<sub>2</sub>O and x<sup>n+1</sup>', 'H<sub>2</>O and x<sup>n+1</>'],
  ['keys, marks, bold', '<kbd>Ctrl</kbd>+<kbd>C</kbd> <mark>m</mark> <b>a <i>b</i></b>', '<kbd>Ctrl</>+<kbd>C</> <mark>m</> <strong>a <em>b</></>'],
  ['a tag without its end is text', 'if a <b and c> d, <sub>x', 'if a <b and c> d, <sub>x'],
  ['a tag with attributes is text', '<sub onclick="x">2</sub>', '<sub onclick="x">2</sub>'],
  ['a break', 'a<br>b<br/>c', 'a<br></>b<br></>c'],
  ['folded details', '<details>\n<summary>The **proof**</summary>\n\n- a\n\n</details>\n\nEnd', '<details><summary>The <strong>proof</></><ul><li>a</></></>End'],
  ['details without an end are text', '<details>\n\nx', '<details>x'],
  ['a footnote and the mark that refers to it', 'So[^1].\n\n[^1]: Because.', 'So<sup>1</>.<sup>1</> Because.'],
  ['a footnote of one word is no definition of a link', 'So[^a].\n\n[^a]: https://x.example', 'So<sup>a</>.<sup>a</> <a>https://x.example</>'],
  ['a class of letters in a regular expression is no footnote', 'Match [^"], [^a-z] or [^0-9_].', 'Match [^"], [^a-z] or [^0-9_].'],
  ['but a footnote may be called what one likes', 'So[^ref-1] and[^note_b].', 'So<sup>ref-1</> and<sup>note_b</>.'],
  ['a new line is meant as one', 'Rent: 700\nFood: 300\n  of it out: 80', 'Rent: 700<br></>Food: 300<br></>  of it out: 80'],
  ['also behind points that are no list', '• one\n\u2003– half\n• two', '• one<br></>\u2003– half<br></>• two'],
  ['and in an item, and a quote', '- a\n  b\n\n> c\n> d', '<ul><li>a<br></>b</></><blockquote>c<br></>d</>'],
  ['and between bold lines', '**a**: 1\n**b**: 2', '<strong>a</>: 1<br></><strong>b</>: 2'],
  ['a break that is written as well is one', 'a<br>\nb\n<br>c  \nd', 'a<br></>b<br></>c<br></>d'],
  ['beside a formula of its own lines there is none to make', 'so \\[x\\]\nand', 'so [x]and'],
  ['the variables of a script without a fence are no formula', 'cp "$from" "$to" && rm "$from"', 'cp "$from" "$to" && rm "$from"'],
  ['nor of several lines of one', 'if [ "$a" -gt "$b" ]; then\n  c=$((a - b))\n  d=$(f "$c")', 'if [ "$a" -gt "$b" ]; then<br></>  c=$((a - b))<br></>  d=$(f "$c")'],
  ['nor the columns of R', 'fit$time <- as.Date(raw$time)', 'fit$time <- as.Date(raw$time)'],
  ['nor paths of them', 'cat "$dir/$(basename x)"', 'cat "$dir/$(basename x)"'],
  ['but half-open intervals, quotes in words and open braces are formulas', '$[0, 1)$, $(0, 1]$, $x = \\text{"a"}$, $f\\left( x \\right.$', '[[0, 1)], [(0, 1]], [x = \\text{"a"}], [f\\left( x \\right.]'],
  ['a star between factors multiplies', 'a*sin(x) + b*cos(y), 2*(3)*4', 'a*sin(x) + b*cos(y), 2*(3)*4'],
  ['one between words of Chinese is emphasis', '这*很*重要', '这<em>很</>重要'],
  ['and one at the beginning of a word, whatever follows', 'many *NPC*s, (*so*)', 'many <em>NPC</>s, (<em>so</>)'],
  ['an index is none', '(AB)_{ij} = (CD)_{ji}', '(AB)_{ij} = (CD)_{ji}'],
  ['nor are the marks of comments', '/* one */\na { }\n/* two */', '/* one */<br></>a { }<br></>/* two */'],
  ['nor a line for editors', '# -*- coding: utf-8 -*-'.slice(2), '-*- coding: utf-8 -*-'],
  ['bold with a space before its end is bold', '**Welcome! **\n**Note: ** read this', '<strong>Welcome!</><br></><strong>Note:</> read this'],
  ['and with one behind its beginning, where a line begins', '** Serves 4**\n\n1. ** Soup**: hot', '<strong>Serves 4</><ol><li><strong>Soup</>: hot</></>'],
  ['but powers are none', 'x ** y** z, 2 ** 3 ** 4, f(*a, **k)', 'x ** y** z, 2 ** 3 ** 4, f(*a, **k)'],
  ['an address ends before Chinese punctuation', '见 https://example.com/docs（说明），然后', '见 <a>https://example.com/docs</>（说明），然后'],
  ['bold beside Chinese punctuation', '**注意：**这里', '<strong>注意：</>这里'],
];

test.each(DECISIONS)('%s: %j', (_why, source, meant) => expect(outline(render(source))).toBe(meant));

test.each([
  ['https://example.com/docs（说明），吞', 'https://example.com/docs'],
  ['https://example.com/文档/第一章。后面', 'https://example.com/文档/第一章'],
  ['https://example.com查看', 'https://example.com'],
  ['https://مثال.إختبار/صفحة، ثم', 'https://مثال.إختبار/صفحة'],
  ['https://例え.jp/あ', 'https://例え.jp/あ'],
  ['https://example.com/a?b=c#d', 'https://example.com/a?b=c#d'],
])('of %j the address is %j', (found, address) => expect(found.slice(0, addressEnd(found))).toBe(address));

describe('direction', () => {
  test.each([
    ['مرحبا بالعالم', 'rtl'], ['שלום עולם', 'rtl'], ['English', 'ltr'], ['Python هي لغة برمجة سهلة', 'rtl'], ['The word سلام means peace', 'ltr'],
    ['`print("x")` هكذا', 'rtl'], ['$\\alpha$ ثابت', 'rtl'], ['انظر https://example.com/a/long/address', 'rtl'], ['123, 456', undefined], ['你好', 'ltr'],
  ] as const)('%j is read %s', (text, direction) => expect(directionOf(text)).toBe(direction));

  test('each block has its own; code and formulas are from left to right', () => {
    const root = render('نص عربي `print("x")` و $x$.\n\nEnglish.\n\n- عنصر\n- item\n\n```py\nprint("x")  # نص\n```\n\n| عمود | b |\n|--|--|\n| ١ | c |\n');
    const dirs = (selector: string) => [...root.querySelectorAll<HTMLElement>(selector)].map(({ dir }) => dir);
    expect(dirs('p')).toEqual(['rtl', 'ltr']);
    expect(dirs('li')).toEqual(['rtl', 'ltr']);
    expect(dirs('pre')).toEqual(['ltr']);
    expect(dirs('p > code, .formula')).toEqual(['ltr', 'ltr']);
    expect(dirs('.table')).toEqual(['rtl']);
    expect(dirs('td, th')).toEqual(['rtl', 'ltr', '', 'ltr']);
  });
});

test('headings skip no level, whichever one begins', () => {
  const levels = (source: string) => [...render(source).querySelectorAll('h3, h4, h5, h6')].map(({ localName }) => localName);
  expect(levels('### a\n\n# b\n\n#### c\n\n## d\n\n### e')).toEqual(['h3', 'h3', 'h4', 'h4', 'h5']);
});
