/** A word at the edge of the page that goes by itself, with something to do about it where there is. */
import { byId, el } from '../element';
import { words } from '../words';
import { say } from './announce';

const SHOWN_MS = 8_000;

/** Shows it; with `undo` for as long as that is possible. It stays while the pointer or the focus is on it. */
export function toast(text: string, undo?: () => void): void {
  const box = byId('toasts', HTMLElement);
  const element = el('div', { class: 'toast' }, el('span', {}, text));
  const close = () => {
    if (element.contains(document.activeElement)) byId('question', HTMLElement).focus({ preventScroll: true });
    element.remove();
  };
  if (undo) {
    const button = el('button', { type: 'button' }, words.undo);
    button.addEventListener('click', () => {
      close();
      undo();
    });
    element.append(button);
  }
  const goes = () => setTimeout(() => (element.matches(':hover, :focus-within') ? goes() : close()), SHOWN_MS);
  goes();
  box.append(element);
  // More than a few at once would cover what they speak of.
  while (box.childElementCount > 3) box.firstElementChild?.remove();
  say(text);
}
