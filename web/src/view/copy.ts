/** Copying, with a word about it on the button and aloud. */
import { say } from './announce';

const SHOWN_MS = 1_500;

/** Copies a text for a button that was pressed. */
export async function copy(text: string, button: HTMLElement): Promise<void> {
  const label = button.lastChild;
  const before = label?.textContent ?? '';
  let words = 'Copied';
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    words = 'Not allowed';
  }
  say(words);
  if (!(label instanceof Text) || label.data === words) return;
  label.data = words;
  setTimeout(() => (label.data = before), SHOWN_MS);
}
