/** Light, dark, or as the system has it. What was chosen is applied before the first paint, by `public/theme.js`. */
import { byId } from '../element';
import { remember, remembered } from '../memory';
import { words } from '../words';

const ORDER = ['system', 'light', 'dark'] as const;

/** Makes the button go through the three, and remembers. */
export function setUpTheme(): void {
  const button = byId('theme', HTMLButtonElement);
  let theme = ORDER.find((name) => name === remembered('theme')) ?? 'system';
  const apply = () => {
    document.documentElement.dataset.theme = theme;
    button.setAttribute('aria-label', words.colours[theme]);
    button.title = words.colours[theme];
  };
  button.addEventListener('click', () => {
    theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length] ?? 'system';
    remember('theme', theme);
    apply();
  });
  apply();
}
