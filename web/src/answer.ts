/** An answer from its first line to its last: a plain record that is shown, stored and exported. */
import type { Failure } from './failure';
import type { Line, Told, Usage } from './wire';

/**
 * `waiting`, `thinking`, `answering` while it comes; then one of the others for good. `filtered`: taken back by the
 * content filter, so that neither text nor thoughts are kept.
 */
export type State = 'waiting' | 'thinking' | 'answering' | 'done' | 'stopped' | 'failed' | 'filtered';

/** An answer, whole or not. Thoughts are apart from the text: they are never copied and never sent back. */
export interface Answer {
  state: State;
  thoughts: string;
  text: string;
  /** How long it thought, by this page's clock; null before the first thought. */
  thoughtMs: number | null;
  finishReason: string | null;
  usage: Usage | null;
  elapsedMs: number | null;
  firstTokenMs: number | null;
  requestId: string | null;
  /** Who answers, by the name that the service offers it under; null where it does not say. */
  model: string | null;
  /** What `thoughts` are, known from the last line on. */
  told: Told | null;
  failure: Failure | null;
}

/** An answer of which nothing is here yet. */
export function emptyAnswer(): Answer {
  return {
    state: 'waiting', thoughts: '', text: '', thoughtMs: null, finishReason: null, usage: null, elapsedMs: null,
    firstTokenMs: null, requestId: null, model: null, told: null, failure: null,
  };
}

/** Whether more will come. */
export function isOpen(answer: Answer): boolean {
  return answer.state === 'waiting' || answer.state === 'thinking' || answer.state === 'answering';
}

/** Adds what a line says. `thinkingSince` and `now` are times in ms; the result is the new `thinkingSince`. */
export function take(answer: Answer, line: Line, thinkingSince: number | null, now: number): number | null {
  let since = thinkingSince;
  switch (line.kind) {
    case 'start':
      answer.requestId = line.requestId;
      answer.model = line.model;
      break;
    case 'choice':
      if (line.isFiltered) answer.finishReason = 'content_filter';
      if (line.thoughts) {
        since ??= now;
        answer.thoughts += line.thoughts;
        // Thoughts that come behind text, as some models send them, do not reopen the thinking.
        if (answer.state === 'waiting') answer.state = 'thinking';
      }
      if (answer.state === 'thinking' && since !== null) answer.thoughtMs = now - since;
      // White space alone, which some models send before they think, is no beginning of an answer.
      if (line.text && (answer.text || line.text.trim())) {
        answer.text += line.text;
        answer.state = 'answering';
      }
      break;
    case 'done':
      answer.finishReason = line.finishReason;
      answer.usage = line.usage;
      answer.elapsedMs = line.elapsedMs;
      answer.firstTokenMs = line.firstTokenMs;
      answer.told = line.told;
      if (line.finishReason === 'content_filter') takeBack(answer);
      else answer.state = 'done';
      break;
    case 'heartbeat':
    case 'error':
    case 'unknown':
      break;
  }
  return since;
}

/** The filter's verdict holds for all that was said. */
function takeBack(answer: Answer): void {
  answer.state = 'filtered';
  answer.text = '';
  answer.thoughts = '';
}

/** Ends the answer with a failure; what came stays. */
export function fail(answer: Answer, failure: Failure): void {
  answer.requestId = failure.requestId ?? answer.requestId;
  // A verdict of the filter holds, even if the line that sums it up was lost.
  if (answer.finishReason === 'content_filter') return takeBack(answer);
  if (failure.code === 'content_filter') takeBack(answer);
  answer.state = 'failed';
  // A wait goes on over a reload; it may be an hour.
  answer.failure = failure.retryAfter ? { ...failure, saidAt: Date.now() } : failure;
}

/** Ends the answer because the reader wants no more of it; what came stays, unless the filter spoke. */
export function stop(answer: Answer): void {
  if (answer.finishReason === 'content_filter') takeBack(answer);
  else answer.state = 'stopped';
}

/** Tokens a second from the first token on; null where the service counts none. */
export function speed(answer: Answer): number | null {
  const tokens = answer.usage?.completion;
  if (!tokens || answer.elapsedMs === null) return null;
  const seconds = (answer.elapsedMs - (answer.firstTokenMs ?? 0)) / 1000;
  return seconds > 0.05 ? tokens / seconds : null;
}

/** Words, for announcing an end to those who do not see it. */
export function countWords(text: string): number {
  return text.match(/\p{Script=Han}|[^\s\p{Script=Han}]+/gu)?.length ?? 0;
}
