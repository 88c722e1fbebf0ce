/** Small things that the browser remembers for the page. It may refuse to (blocked or full storage): then nothing is lost but them. */

/** What was remembered under this name; `inTab`: for this tab alone, until it is closed. */
export function remembered(name: string, inTab = false): string | null {
  try {
    return storage(inTab).getItem(name);
  } catch {
    return null;
  }
}

/** Remembers a text under a name. */
export function remember(name: string, text: string, inTab = false): void {
  try {
    storage(inTab).setItem(name, text);
  } catch {
    // An older text would be wrong now.
    forget(name, inTab);
  }
}

function forget(name: string, inTab: boolean): void {
  try {
    storage(inTab).removeItem(name);
  } catch {
    // There is none.
  }
}

function storage(inTab: boolean): Storage {
  return inTab ? sessionStorage : localStorage;
}
