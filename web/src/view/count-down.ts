/** Counts down the seconds after which a retry makes sense. */

/** Watches for such waits in here. */
export function countDown(root: HTMLElement): void {
  setInterval(() => {
    for (const wait of root.querySelectorAll<HTMLElement>('.wait[data-seconds]')) {
      // The time runs from when the wait is first seen; after a reload it is long over, and a few seconds do no harm.
      wait.dataset.until ??= String(Date.now() + Number(wait.dataset.seconds) * 1000);
      const seconds = Math.ceil((Number(wait.dataset.until) - Date.now()) / 1000);
      wait.textContent = seconds > 0 ? `Free again in about ${seconds} s.` : 'You can retry now.';
    }
  }, 250);
}
