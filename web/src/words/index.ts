/** The page's own words, in the reader's language. */
import { en, type Words } from './en';

/** The words that are shown. Set once, before anything is. */
export let words: Words = en;

/** Other languages, each a chunk of its own. */
const OTHERS: Readonly<Record<string, () => Promise<Words>>> = {
  ar: async () => (await import('./ar')).ar,
  de: async () => (await import('./de')).de,
};

/** Chooses by what the browser says of its reader. A catalogue that cannot be loaded is English. */
export async function chooseWords(languages: readonly string[]): Promise<void> {
  for (const language of languages) {
    const base = language.toLowerCase().split('-')[0] ?? '';
    if (base === 'en') break;
    const load = Object.hasOwn(OTHERS, base) ? OTHERS[base] : undefined;
    if (!load) continue;
    words = await load().catch(() => en);
    break;
  }
  document.documentElement.lang = words.language;
  document.documentElement.dir = words.direction;
}

/** Puts the words into the places that `index.html` has for them: `data-word` is text, `data-label` a name, `data-hint` a placeholder. */
export function fillWords(root: ParentNode): void {
  const at = (key: string | undefined): string => {
    const found = (words as unknown as Record<string, unknown>)[key ?? ''];
    return typeof found === 'string' ? found : '';
  };
  for (const place of root.querySelectorAll<HTMLElement>('[data-word]')) place.textContent = at(place.dataset.word);
  for (const place of root.querySelectorAll<HTMLElement>('[data-label]')) place.setAttribute('aria-label', at(place.dataset.label));
  for (const place of root.querySelectorAll<HTMLElement>('[data-title]')) place.title = at(place.dataset.title);
  for (const place of root.querySelectorAll<HTMLElement>('[data-hint]')) place.setAttribute('placeholder', at(place.dataset.hint));
}
