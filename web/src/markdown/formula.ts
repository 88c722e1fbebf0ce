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
type Renderer = typeof import('./typeset');

let renderer: Renderer | undefined;
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
      const set = ({ typesetFormula }: Renderer) => {
        const node = typeset.get(key(tex, display)) ?? keep(tex, display, typesetFormula(tex, display));
        element.replaceChildren(node.cloneNode(true));
      };
      const loaded = renderer;
      if (loaded && (hasChemistry || !loaded.needsChemistry(tex))) return set(loaded);
      return load(tex).then(set);
    });
  }
}

async function load(tex: string): Promise<Renderer> {
  renderer ??= await import('./typeset');
  if (renderer.needsChemistry(tex)) {
    await renderer.loadChemistry();
    hasChemistry = true;
  }
  return renderer;
}

function keep(tex: string, display: boolean, node: Node): Node {
  if (typeset.size >= MAX_KEPT) typeset.clear();
  typeset.set(key(tex, display), node);
  return node;
}

function key(tex: string, display: boolean): string {
  return `${display ? 'd' : 'i'}${tex}`;
}
