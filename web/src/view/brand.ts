/** The page as its operator presents it: name, welcome, suggestions, a notice, a link, a colour. */
import type { Brand } from '../config';
import { byId, el } from '../element';
import { words } from '../words';

/** Shows it; a click on a suggestion asks. */
export function showBrand(brand: Brand, ask: (text: string) => void): void {
  byId('welcome', HTMLElement).textContent = brand.welcome ?? words.welcome;
  byId('intro', HTMLElement).textContent = brand.intro ?? words.intro;
  const suggestions = brand.suggestions ?? words.suggestions;
  byId('suggestions', HTMLElement).replaceChildren(...suggestions.map(({ question, hint }) => {
    const button = el('button', { type: 'button' }, el('span', { dir: 'auto' }, question), hint && el('small', { dir: 'auto' }, hint));
    button.addEventListener('click', () => ask(question));
    return el('li', {}, button);
  }));
  const notice = byId('operator-notice', HTMLElement);
  notice.textContent = brand.notice;
  notice.hidden = brand.notice === null;
  const privacy = byId('privacy', HTMLAnchorElement);
  privacy.hidden = brand.privacy === null;
  if (brand.privacy) privacy.href = brand.privacy;
  if (brand.accent) void paint(brand.accent);
}

/** The operator's colour, as far from the page's own as it takes to be read on it, in light and in dark. */
async function paint(accent: string): Promise<void> {
  const { readable } = await import('./contrast');
  const light = readable(accent, '#fbfaf8');
  const dark = readable(accent, '#212328');
  const { style } = document.documentElement;
  style.setProperty('--accent', `light-dark(${light}, ${dark})`);
  style.setProperty('--on-accent', 'light-dark(#ffffff, #17181b)');
}
