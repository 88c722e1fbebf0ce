/** Light, dark, or as the system has it. */
import { byId } from '../element';
import { remember, remembered } from '../memory';

const ORDER = ['system', 'light', 'dark'] as const;
type Theme = (typeof ORDER)[number];
const LABELS: Readonly<Record<Theme, string>> = { system: 'Colours: as the system', light: 'Colours: light', dark: 'Colours: dark' };

/** Makes the button go through the three, and remembers. */
export function setUpTheme(): void {
  const button = byId('theme', HTMLButtonElement);
  let theme: Theme = ORDER.find((name) => name === remembered('theme')) ?? 'system';
  const apply = () => {
    document.documentElement.dataset.theme = theme;
    button.setAttribute('aria-label', LABELS[theme]);
    button.title = LABELS[theme];
  };
  button.addEventListener('click', () => {
    theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length] ?? 'system';
    remember('theme', theme);
    apply();
  });
  apply();
}
