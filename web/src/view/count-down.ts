/** Counts down the time after which a retry makes sense: seconds while it is short; a quota may want an hour, or a day. */
import { words } from '../words';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
/** From here on the smaller unit would say too much. */
const SHORT_SECONDS = 2 * MINUTE;
const SHORT_MINUTES = 2 * HOUR;

/** Watches for such waits in here. */
export function countDown(root: HTMLElement): void {
  setInterval(() => {
    for (const wait of root.querySelectorAll<HTMLElement>('.wait[data-until]')) {
      const text = waitWords(Number(wait.dataset.until) - Date.now());
      if (wait.textContent !== text) wait.textContent = text;
    }
  }, 250);
}

/** What is said of so many ms. It never says less than it takes. */
export function waitWords(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds <= 0) return words.retryNow;
  if (seconds < SHORT_SECONDS) return words.retryIn(words.seconds(seconds));
  if (seconds < SHORT_MINUTES) return words.retryIn(words.wholeMinutes(Math.ceil(seconds / MINUTE)));
  return words.retryIn(words.hours(Math.ceil(seconds / HOUR)));
}
