/**
 * Words for screen readers. The conversation itself is no live region: it would read every token. Beginnings and ends are
 * announced, and errors at once.
 */
import { type Answer, countWords, isOpen, type State } from '../answer';
import { byId } from '../element';
import { type Failure, wordsFor } from '../failure';
import { words } from '../words';
import { spokenNotice } from './notice';

/** Announces what happens to the answer that is shown. */
export class Announcer {
  private last: State | undefined;

  /** To be called when the answer changed; says something only when its state did. */
  update(answer: Answer): void {
    if (answer.state === this.last) return;
    this.last = answer.state;
    const problem = isOpen(answer) ? null : spokenNotice(answer);
    if (problem && answer.state !== 'stopped') alert(problem);
    else say(told(answer));
  }

  /** Another try failed, and the answer that it was to replace is shown again. */
  failed(answer: Answer, failure: Failure): void {
    this.last = answer.state;
    alert(words.failedTry(wordsFor(failure.code).title));
  }

  /** Forgets the answer, as another one is shown now. */
  reset(answer: Answer | undefined): void {
    this.last = answer?.state;
  }
}

function told(answer: Answer): string {
  switch (answer.state) {
    case 'waiting':
      return words.announce.sent;
    case 'thinking':
      return words.announce.thinking;
    case 'answering':
      return words.announce.answering;
    case 'stopped':
      return words.stopped;
    default:
      return words.announce.complete(countWords(answer.text));
  }
}

/** Says something politely. */
export function say(text: string): void {
  byId('status', HTMLElement).textContent = text;
}

/** Says something at once. */
function alert(text: string): void {
  byId('alert', HTMLElement).textContent = text;
}
