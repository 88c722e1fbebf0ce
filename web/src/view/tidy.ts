/** Answers for other programs: nothing but what was said, in the elements and words that everybody understands. */

/** What other programs understand of an element; everything else is this page's own business. */
const KEPT = new Set(['href', 'start', 'colspan', 'rowspan', 'dir', 'lang']);

/** Of this page, not of the answer. */
const CONTROLS = 'button, figcaption, .thoughts > summary, .tools, .notice, .waiting, .figures, .told, .hidden, .versions, .katex-mathml, svg';

/** Cleans nodes in place, which must be a copy: formulas become TeX, code blocks code, and controls go. */
export function tidy(node: Node): Node {
  const holder = document.createElement('div');
  holder.append(node);
  for (const formula of holder.querySelectorAll<HTMLElement>('.formula[data-tex]')) formula.replaceWith(texOf(formula));
  for (const control of holder.querySelectorAll(CONTROLS)) control.remove();
  for (const figure of holder.querySelectorAll('figure.code, .table, .footnote')) unwrap(figure);
  for (const task of holder.querySelectorAll('.checkbox')) unwrap(task);
  for (const span of holder.querySelectorAll('span, bdi')) unwrap(span);
  for (const cell of holder.querySelectorAll<HTMLElement>('td, th, table')) {
    // Without lines a table is hard to read where it is pasted.
    cell.setAttribute('align', cell.classList.contains('align-right') ? 'right' : cell.classList.contains('align-center') ? 'center' : 'left');
    if (cell.tagName === 'TABLE') cell.setAttribute('border', '1');
  }
  for (const element of holder.querySelectorAll('*')) {
    for (const { name } of [...element.attributes]) {
      if (!KEPT.has(name) && !(/^(?:TD|TH|TABLE)$/.test(element.tagName) && /^(?:align|border)$/.test(name))) element.removeAttribute(name);
    }
  }
  const result = document.createDocumentFragment();
  result.append(...holder.childNodes);
  return result;
}

/** Nodes, which must be a copy, as HTML. Reading it from elements makes none in this page: it is for other programs. */
export function asHtml(node: Node): string {
  const holder = document.createElement('div');
  holder.append(tidy(node));
  return holder.innerHTML;
}

/** Text of tidied nodes, as a person would type it. */
export function plainText(root: Node): string {
  const parts: string[] = [];
  const walk = (node: Node, list: string, isCode: boolean): void => {
    if (node instanceof Text) return void parts.push(isCode ? node.data : node.data.replace(/\s+/g, ' '));
    const name = node instanceof Element ? node.tagName : '';
    if (name === 'BR') return void parts.push('\n');
    if (name === 'TR') {
      parts.push([...node.childNodes].map((cell) => (cell.textContent ?? '').trim()).join('\t'), '\n');
      return;
    }
    const isBlock = /^(?:P|DIV|H[1-6]|UL|OL|PRE|BLOCKQUOTE|TABLE|HR|DETAILS|ARTICLE|SECTION)$/.test(name);
    if (isBlock) parts.push(list ? BREAK_LINE : BREAK_BLOCK);
    if (name === 'LI') parts.push(BREAK_LINE, node.parentElement?.tagName === 'OL' ? `${list}${numberOf(node as HTMLLIElement)}. ` : `${list}- `);
    const deeper = name === 'LI' ? `${list}  ` : list;
    for (const child of node.childNodes) walk(child, deeper, isCode || name === 'PRE');
    if (isBlock) parts.push(list ? BREAK_LINE : BREAK_BLOCK);
  };
  walk(root, '', false);
  return joined(parts);
}

/** Marks between parts: a line, or a blank line, whichever is wanted more, however often. */
const BREAK_LINE = '\u0001';
const BREAK_BLOCK = '\u0002';

function joined(parts: readonly string[]): string {
  return parts.join('')
    .replace(/ *([\u0001\u0002]+)( (?! *-|\d+\.))?/g, (_, marks: string) => (marks.includes(BREAK_BLOCK) ? '\n\n' : '\n'))
    .replace(/\n{3,}/g, '\n\n').replace(/^\n+|\s+$/g, '');
}

function numberOf(item: HTMLLIElement): number {
  const parent = item.parentElement;
  return (Number(parent?.getAttribute('start')) || 1) + [...(parent?.children ?? [])].indexOf(item);
}

function texOf(formula: HTMLElement): Node {
  const tex = formula.dataset.tex ?? '';
  if (!formula.classList.contains('display')) return document.createTextNode(`$${tex}$`);
  const paragraph = document.createElement('p');
  paragraph.textContent = `$$${tex}$$`;
  return paragraph;
}

function unwrap(element: Element): void {
  element.replaceWith(...element.childNodes);
}
