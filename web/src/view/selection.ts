/** What a selection in an answer is when it is copied: clean, as the answer's own text is. */
import { asHtml, plainText, tidy } from './tidy';

/** Makes copies of selections in here clean: formulas as TeX, code without its caption. */
export function cleanCopies(root: HTMLElement): void {
  root.addEventListener('copy', (event) => {
    const selection = getSelection();
    const target = event.target instanceof Element ? event.target : null;
    if (!selection || selection.isCollapsed || !event.clipboardData || target?.closest('textarea, input')) return;
    const ranges = Array.from({ length: selection.rangeCount }, (_, index) => wholeFormulas(selection.getRangeAt(index)));
    // Inside one piece of text there is nothing to clean.
    if (ranges.every((range) => range.commonAncestorContainer instanceof Text)) return;
    const nodes = document.createDocumentFragment();
    for (const range of ranges) nodes.append(contents(range));
    event.preventDefault();
    event.clipboardData.setData('text/html', asHtml(nodes.cloneNode(true)));
    event.clipboardData.setData('text/plain', plainText(tidy(nodes)));
  });
}

/** Of a formula that is selected in part, all of it: half a formula is none. */
function wholeFormulas(range: Range): Range {
  const whole = range.cloneRange();
  const start = formulaAround(range.startContainer);
  const end = formulaAround(range.endContainer);
  if (start) whole.setStartBefore(start);
  if (end) whole.setEndAfter(end);
  return whole;
}

function formulaAround(node: Node): Element | null {
  return (node instanceof Element ? node : node.parentElement)?.closest('.formula[data-tex]') ?? null;
}

/** What a range holds. Inside code or a list it still is of that: its parent comes along. */
function contents(range: Range): Node {
  const inside = range.commonAncestorContainer;
  const parent = (inside instanceof Element ? inside : inside.parentElement)?.closest('pre, ul, ol, table');
  const nodes = range.cloneContents();
  if (!parent || parent.tagName === 'TABLE') return nodes;
  const copy = parent.cloneNode(false);
  copy.appendChild(nodes);
  return copy;
}
