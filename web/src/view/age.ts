/** How old a chat is, as people group them. */
import { words } from '../words';

const DAY_MS = 86_400_000;

let months: Intl.DateTimeFormat | undefined;

/** "Today", "Yesterday", "Last 7 days", "Last 30 days", or the month. By the reader's calendar. */
export function ageOf(time: number, now: number): string {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  if (time >= midnight) return words.today;
  // A day of 23 hours would otherwise be a day of the day before.
  if (time >= new Date(midnight - DAY_MS / 2).setHours(0, 0, 0, 0)) return words.yesterday;
  if (time >= midnight - 7 * DAY_MS) return words.lastDays(7);
  if (time >= midnight - 30 * DAY_MS) return words.lastDays(30);
  // Made once, as making it costs more than all rows of the list.
  months ??= new Intl.DateTimeFormat(words.language, { month: 'long', year: 'numeric' });
  return months.format(time);
}
