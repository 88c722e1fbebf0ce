/** Copying, with a word about it on the button and aloud. */
import { words } from '../words';
import { say } from './announce';

const SHOWN_MS = 1_500;

/** Copies a text for a button that was pressed. */
export async function copyText(text: string, button: HTMLElement): Promise<void> {
  await tell(button, () => navigator.clipboard.writeText(text));
}

/** Copies an answer: as Markdown, and as what it looks like for programs that take that. */
export async function copyAnswer(markdown: string, rendered: HTMLElement | null, button: HTMLElement): Promise<void> {
  await tell(button, () => {
    if (!rendered || typeof ClipboardItem === 'undefined') return navigator.clipboard.writeText(markdown);
    // Promises, since the permission that comes with a click does not outlast the loading of a script everywhere.
    const html = import('./tidy').then(({ asHtml }) => asHtml(rendered.cloneNode(true)));
    const blob = async (type: string, text: string | Promise<string>) => new Blob([await text], { type });
    return navigator.clipboard.write([new ClipboardItem({ 'text/plain': blob('text/plain', markdown), 'text/html': blob('text/html', html) })]);
  });
}

async function tell(button: HTMLElement, write: () => Promise<void>): Promise<void> {
  const label = button.lastChild;
  const before = label?.textContent ?? '';
  let text: string = words.copied;
  try {
    await write();
  } catch {
    text = words.copyRefused;
  }
  say(text);
  if (!(label instanceof Text) || label.data === text) return;
  label.data = text;
  setTimeout(() => (label.data = before), SHOWN_MS);
}
