/** What is known of an answer that ended: who gave it, how much it was, how fast. */
import { type Answer, speed } from '../answer';
import { words } from '../words';

/** "12 s", "2 min 5 s". */
export function duration(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return seconds < 60 ? words.seconds(seconds) : words.minutes(Math.floor(seconds / 60), seconds % 60);
}

/** "Thorough", "415 tokens, 127 of them thoughts", "48 tokens/s", "11.6 s", as far as they are known. */
export function figures(answer: Answer, model: string | null): string[] {
  const { usage } = answer;
  const parts: string[] = [];
  if (model) parts.push(model);
  if (usage?.completion) parts.push(words.tokens(usage.completion, usage.reasoning ?? 0));
  const rate = speed(answer);
  if (rate) parts.push(words.speed(rate));
  if (answer.elapsedMs !== null) parts.push(words.tenths(answer.elapsedMs / 1000));
  return parts;
}
