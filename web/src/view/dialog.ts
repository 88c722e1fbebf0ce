/** The one dialog: a question with a yes, or with a line to fill in. */
import { byId } from '../element';

interface Question {
  title: string;
  text?: string;
  /** The text to edit; without it the dialog only asks. */
  value?: string;
  ok: string;
  /** Whether the yes destroys something. */
  isDangerous?: boolean;
}

/** The text, or `''` for a plain yes; null for a no. Focus returns to where it was. */
export function askUser({ title, text = '', value, ok, isDangerous = false }: Question): Promise<string | null> {
  const dialog = byId('dialog', HTMLDialogElement);
  const input = byId('dialog-input', HTMLInputElement);
  byId('dialog-title', HTMLElement).textContent = title;
  byId('dialog-text', HTMLElement).textContent = text;
  byId('dialog-text', HTMLElement).hidden = !text;
  byId('dialog-field', HTMLElement).hidden = value === undefined;
  byId('dialog-ok', HTMLButtonElement).textContent = ok;
  byId('dialog-ok', HTMLButtonElement).classList.toggle('danger', isDangerous);
  input.value = value ?? '';
  dialog.returnValue = '';
  dialog.showModal();
  if (value !== undefined) input.select();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'ok' ? input.value : null), { once: true });
    // Enter in the field would press the first button, which is Cancel.
    input.onkeydown = (event) => {
      if (event.key !== 'Enter' || event.isComposing) return;
      event.preventDefault();
      dialog.close('ok');
    };
  });
}
