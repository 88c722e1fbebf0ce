/**
 * Formulas. They appear as source first and are typeset by KaTeX, which is loaded when the first one comes. Typeset ones
 * are kept, so that a paragraph that still grows does not flicker between source and formula.
 */
import { el } from '../element';
import { later } from './later';
import type { MathToken } from './math';

/** How many typeset formulas are kept. */
const MAX_KEPT = 500;

const typeset = new Map<string, Node>();
type Typeset = (tex: string, display: boolean) => Node;

const CHEMISTRY = /\\(?:ce|pu)\{/;

/** Loaded with the first formula, and what knows chemistry with the first one of that. */
let typesetFormula: Typeset | undefined;
let hasChemistry = false;

/** An element for this formula, with its source. */
export function formula(token: MathToken): HTMLElement {
  const { tex, display } = token;
  const source = el('code', { class: 'formula-source' }, tex);
  if (token.open) return el('span', { class: display ? 'formula display' : 'formula', dir: 'ltr' }, source);
  return el('span', { class: display ? 'formula display' : 'formula', 'data-tex': tex, dir: 'ltr' }, source);
}

/** Typesets the formulas of this block that are still source; at once those that were typeset before. */
export function typesetFormulas(block: HTMLElement): void {
  const formulas = block.matches('.formula') ? [block] : block.querySelectorAll<HTMLElement>('.formula[data-tex]');
  for (const element of formulas) {
    if (element.dataset.tex === undefined) continue;
    if (!element.querySelector(':scope > .formula-source')) continue;
    const tex = element.dataset.tex;
    const display = element.classList.contains('display');
    const kept = typeset.get(key(tex, display));
    if (kept) {
      element.replaceChildren(kept.cloneNode(true));
      continue;
    }
    later(element, () => {
      const set = (how: Typeset) => {
        const node = typeset.get(key(tex, display)) ?? keep(tex, display, how(tex, display));
        element.replaceChildren(node.cloneNode(true));
      };
      const loaded = hasChemistry || !CHEMISTRY.test(tex) ? typesetFormula : undefined;
      return loaded ? set(loaded) : load(tex).then(set);
    });
  }
}

async function load(tex: string): Promise<Typeset> {
  const { typesetFormula: loaded } = await import('./typeset');
  if (!hasChemistry && CHEMISTRY.test(tex)) {
    await import('katex/contrib/mhchem');
    hasChemistry = true;
  }
  typesetFormula = loaded;
  return loaded;
}

function keep(tex: string, display: boolean, node: Node): Node {
  if (typeset.size >= MAX_KEPT) typeset.clear();
  typeset.set(key(tex, display), node);
  return node;
}

function key(tex: string, display: boolean): string {
  return `${display ? 'd' : 'i'}${tex}`;
}
