/**
 * The thoughts: open while the model thinks, folded when the answer begins. A reader who opens or closes them has decided,
 * for this answer and, if it was during the thinking, for those that follow.
 */
import { type Answer, isOpen } from '../answer';
import { el } from '../element';
import { MarkdownText } from '../markdown/text';
import { remember, remembered } from '../memory';
import { words } from '../words';
import { duration } from './figures';
import { Follow } from './follow';

const PREFERENCE = 'thoughts';

/** The folding panel above an answer. */
export class ThinkingPanel {
  readonly element = el('details', { class: 'thoughts', hidden: true });
  private readonly summary = el('summary');
  private readonly label = el('span', { class: 'label' });
  private readonly seconds = el('span', { class: 'seconds', 'aria-hidden': true });
  private readonly inner = el('div', { class: 'markdown' });
  private readonly box = el('div', { class: 'box', tabindex: 0, role: 'group', 'aria-label': words.thoughts }, this.inner);
  private readonly follow = new Follow(this.box);
  private readonly text = new MarkdownText(this.inner);
  private answer: Answer | undefined;
  private isTouched = false;
  private wasThinking = false;

  /** `isOpen`: as the reader left it, when the turn was shown before. */
  constructor(wasOpen: boolean) {
    this.summary.append(el('span', { class: 'dot', 'aria-hidden': true }), this.label, this.seconds);
    this.element.append(this.summary, this.box);
    this.element.open = wasOpen;
    this.isTouched = wasOpen;
    // A click, also by keyboard, is the reader's; the `toggle` event would also tell of what this does itself.
    this.summary.addEventListener('click', () => {
      this.isTouched = true;
      if (this.wasThinking) remember(PREFERENCE, this.element.open ? 'closed' : 'open');
    });
    this.element.addEventListener('toggle', () => this.element.open && this.opened());
  }

  /**
   * Shows the state of the answer; `thinkingMs` counts while it thinks. False when there is more of the thoughts for the
   * next frame. Folded thoughts cost nothing: they are laid out when they are opened.
   */
  update(answer: Answer, thinkingMs: number, until: number): boolean {
    this.answer = answer;
    this.element.hidden = !answer.thoughts.trim();
    const isThinking = answer.state === 'thinking';
    if (isThinking && !this.wasThinking && !this.isTouched) this.element.open = remembered(PREFERENCE) !== 'closed';
    if (!isThinking && this.wasThinking && !this.isTouched && answer.text) this.element.open = remembered(PREFERENCE) === 'open';
    this.wasThinking = isThinking;
    this.element.classList.toggle('busy', isThinking);
    setText(this.label, isThinking ? words.thinking : title(answer));
    setText(this.seconds, isThinking && thinkingMs >= 1000 ? duration(thinkingMs) : '');
    if (!this.element.open) return true;
    const isAllShown = this.text.show(answer.thoughts, !isOpen(answer), until);
    if (isThinking) this.follow.keep();
    return isAllShown;
  }

  /** No more is shown of it: its observers end. */
  close(): void {
    this.follow.close();
  }

  /** Growing thoughts are read at their end, whole ones from their beginning. */
  private opened(): void {
    if (!this.answer) return;
    this.text.show(this.answer.thoughts, !isOpen(this.answer), Infinity);
    if (this.wasThinking) this.follow.resume();
    else this.follow.rest();
  }
}

function title(answer: Answer): string {
  const time = answer.thoughtMs === null ? null : duration(answer.thoughtMs);
  if (answer.told === 'summary') return words.summaryOfThoughts(time);
  if (time === null) return words.thoughts;
  const isUnfinished = !answer.text && answer.state !== 'done' && answer.state !== 'answering';
  return isUnfinished ? words.thoughtForUnfinished(time) : words.thoughtFor(time);
}

/** Writing the same text again would end a selection in it. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
