/**
 * Code, tables and formulas that are wider than the page scroll in boxes of their own. Those that do, and only those, are
 * stops for the keyboard, with a name.
 */
import { words } from '../words';

const BOXES = 'figure.code pre, .table, .formula.display';

const sizes = 'ResizeObserver' in globalThis ? new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const box = target.closest<HTMLElement>(BOXES);
    if (box) mark(box);
  }
}) : null;

/** Watches the boxes of a block that does not change any more. */
export function watchOverflow(block: HTMLElement): void {
  const boxes = block.matches(BOXES) ? [block] : block.querySelectorAll<HTMLElement>(BOXES);
  for (const box of boxes) {
    sizes?.observe(box);
    // The box itself is as wide as the page, whatever is in it.
    for (const inner of box.children) sizes?.observe(inner);
  }
}

function mark(box: HTMLElement): void {
  if (box.scrollWidth <= box.clientWidth + 1) {
    for (const name of ['tabindex', 'role', 'aria-label']) box.removeAttribute(name);
    return;
  }
  box.tabIndex = 0;
  box.setAttribute('role', 'group');
  box.setAttribute('aria-label', nameOf(box));
}

function nameOf(box: HTMLElement): string {
  if (box.matches('.table')) return words.table;
  if (box.matches('.formula')) return words.formula;
  const language = box.closest<HTMLElement>('figure')?.dataset.language;
  return language ? words.codeIn(language) : words.code;
}
