/** Editing a question in its place. What is typed belongs to the turn: it is there again when one comes back to the chat. */
import { el } from '../element';
import { remembered } from '../memory';
import { words } from '../words';
import { QuestionBox } from './question-box';

/** Whether an edit of this turn was begun and not ended. */
export function isBeingEdited(turnId: string): boolean {
  return remembered(draftOf(turnId), true) !== null;
}

/** Shows a box instead of the question; resolves to the new text, or null when it was left as it is. */
export function editQuestion(shown: HTMLElement, turnId: string, text: string): Promise<string | null> {
  const area = el('textarea', { 'aria-label': words.editLabel, rows: 2, dir: 'auto' });
  const cancel = el('button', { type: 'button' }, words.cancel);
  const form = el('form', { class: 'edit' }, area,
    el('div', { class: 'buttons' }, el('span', { class: 'hint' }, words.editHint), cancel, el('button', { type: 'submit', class: 'primary' }, words.send)));
  const box = new QuestionBox(area, () => form.requestSubmit());
  shown.hidden = true;
  shown.after(form);
  box.open(draftOf(turnId), text);
  area.focus();
  area.setSelectionRange(area.value.length, area.value.length);
  return new Promise((resolve) => {
    const finish = (result: string | null) => {
      box.forget();
      form.remove();
      shown.hidden = false;
      resolve(result);
    };
    cancel.addEventListener('click', () => {
      finish(null);
      shown.querySelector('button')?.focus();
    });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (box.text) finish(box.text);
    });
    area.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || event.isComposing || event.keyCode === 229) return;
      event.stopPropagation();
      cancel.click();
    });
  });
}

function draftOf(turnId: string): string {
  return `edit ${turnId}`;
}
