/** Editing a question in its place. */
import { el } from '../element';

/** Shows a box instead of the question; resolves to the new text, or null when it was left as it is. */
export function editQuestion(turn: HTMLElement, question: string, turnsBehind: number): Promise<string | null> {
  const shown = turn.querySelector<HTMLElement>('.question');
  if (!shown || turn.querySelector('.edit')) return Promise.resolve(null);
  const box = el('textarea', { 'aria-label': 'Edit your message', rows: 2, dir: 'auto' });
  box.value = question;
  const cancel = el('button', { type: 'button' }, 'Cancel');
  const form = el('form', { class: 'edit' }, box,
    el('div', { class: 'buttons' },
      turnsBehind > 0 && el('span', { class: 'hint' }, turnsBehind === 1 ? 'The turn below will be dropped.' : `The ${turnsBehind} turns below will be dropped.`),
      cancel, el('button', { type: 'submit', class: 'primary' }, 'Send')));
  shown.hidden = true;
  shown.after(form);
  box.focus();
  box.setSelectionRange(box.value.length, box.value.length);
  return new Promise((resolve) => {
    const finish = (text: string | null) => {
      form.remove();
      shown.hidden = false;
      resolve(text);
    };
    cancel.addEventListener('click', () => {
      finish(null);
      shown.querySelector('button')?.focus();
    });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (box.value.trim()) finish(box.value.trim());
    });
    box.addEventListener('keydown', (event) => {
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key === 'Escape') {
        event.stopPropagation();
        cancel.click();
      } else if (event.key === 'Enter' && !event.shiftKey) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
  });
}
