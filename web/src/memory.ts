/** Small things that the browser remembers for the page. It may refuse to (blocked or full storage): then nothing is lost but them. */

/** What was remembered under this name; `inTab`: for this tab alone, until it is closed. */
export function remembered(name: string, inTab = false): string | null {
  try {
    return storage(inTab).getItem(name);
  } catch {
    return null;
  }
}

/** Remembers a text under a name, or forgets what was there: an older text would be wrong. */
export function remember(name: string, text: string | null, inTab = false): void {
  try {
    storage(inTab).removeItem(name);
    if (text !== null) storage(inTab).setItem(name, text);
  } catch {
    // There is no storage, or no room in it.
  }
}

function storage(inTab: boolean): Storage {
  return inTab ? sessionStorage : localStorage;
}
