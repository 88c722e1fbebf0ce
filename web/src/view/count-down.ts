/** Counts down the seconds after which a retry makes sense. */
import { words } from '../words';

/** Watches for such waits in here. */
export function countDown(root: HTMLElement): void {
  setInterval(() => {
    for (const wait of root.querySelectorAll<HTMLElement>('.wait[data-seconds]')) {
      // The time runs from when the wait is first seen; after a reload it is long over, and a few seconds do no harm.
      wait.dataset.until ??= String(Date.now() + Number(wait.dataset.seconds) * 1000);
      const seconds = Math.ceil((Number(wait.dataset.until) - Date.now()) / 1000);
      const text = seconds > 0 ? words.retryIn(seconds) : words.retryNow;
      if (wait.textContent !== text) wait.textContent = text;
    }
  }, 250);
}
