/** Questions for those who do not know where to begin. */
import { byId, el } from '../element';

const SUGGESTIONS = [
  ['Why is the sky blue?', 'Physics, with a formula'],
  ['How many r in strawberry?', 'Watch it count'],
  ['What is 17*23+4?', 'Watch it compute'],
  ['Compare bubble and merge sort.', 'A table and code'],
] as const;

/** Fills the empty start; a click asks. */
export function showSuggestions(ask: (text: string) => void): void {
  byId('suggestions', HTMLElement).append(...SUGGESTIONS.map(([question, hint]) => {
    const button = el('button', { type: 'button' }, el('span', {}, question), el('small', {}, hint));
    button.addEventListener('click', () => ask(question));
    return el('li', {}, button);
  }));
}
