/**
 * Words for screen readers. The conversation itself is no live region: it would read every token. Beginnings and ends are
 * announced, and errors at once.
 */
import { type Answer, countWords, isOpen, type State } from '../answer';
import { byId } from '../element';
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
    else say(words(answer));
  }

  /** Forgets the answer, as another one is shown now. */
  reset(answer: Answer | undefined): void {
    this.last = answer?.state;
  }
}

function words(answer: Answer): string {
  switch (answer.state) {
    case 'waiting':
      return 'Message sent';
    case 'thinking':
      return 'The model is thinking';
    case 'answering':
      return 'The model is answering';
    case 'stopped':
      return 'Stopped';
    default:
      return `Answer complete, ${countWords(answer.text)} words`;
  }
}

/** Says something politely. */
export function say(text: string): void {
  byId('status', HTMLElement).textContent = text;
}

function alert(text: string): void {
  byId('alert', HTMLElement).textContent = text;
}
