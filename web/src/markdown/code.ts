/** Code blocks: the language, a button to copy, and colours once the code is finished. */
import { el } from '../element';
import { words } from '../words';
import { later } from './later';

type Highlight = (code: string, language: string) => DocumentFragment | undefined;

/** Loaded with the first code that has colours. */
let highlight: Highlight | undefined;

/** Longer code keeps one colour: finding the words in it would make the page stutter. */
const MAX_COLOURED_CHARS = 20_000;

/** A code block. Its button is worked by whoever listens to clicks on `[data-copy-code]`. */
export function codeBlock(code: string, language: string): HTMLElement {
  const name = language.slice(0, 40);
  return el('figure', { class: 'code', 'data-language': name },
    el('figcaption', {},
      el('span', { class: 'language' }, name || words.plainCode),
      el('button', { type: 'button', class: 'quiet', 'data-copy-code': true }, words.copy)),
    el('pre', { dir: 'ltr' }, el('code', {}, code)));
}

/** Colours the code blocks in this block, when there is time. Meant for code that does not change any more. */
export function colourCode(block: HTMLElement): void {
  const figures = block.matches('figure.code') ? [block] : block.querySelectorAll<HTMLElement>('figure.code');
  for (const figure of figures) {
    const language = figure.dataset.language ?? '';
    const code = figure.querySelector('pre > code');
    const source = code?.textContent ?? '';
    if (!code || !language || source.length > MAX_COLOURED_CHARS) continue;
    later(figure, () => {
      const colour = (paint: Highlight) => {
        const coloured = paint(source, language);
        if (coloured && code.textContent === source) code.replaceChildren(coloured);
      };
      return highlight ? colour(highlight) : load().then(colour);
    });
  }
}

async function load(): Promise<Highlight> {
  const { highlight: loaded } = await import('./highlight');
  highlight = loaded;
  return loaded;
}
