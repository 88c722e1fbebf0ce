/**
 * The thoughts: open while the model thinks, folded when the answer begins. A reader who opens or closes them has decided,
 * for this answer and, if it was during the thinking, for those that follow.
 */
import { type Answer, isOpen } from '../answer';
import { el } from '../element';
import { MarkdownText } from '../markdown/text';
import { remember, remembered } from '../memory';
import { Follow } from './follow';

const PREFERENCE = 'thoughts';

/** The folding panel above an answer. */
export class ThinkingPanel {
  readonly element = el('details', { class: 'thoughts', hidden: true });
  private readonly summary = el('summary');
  private readonly label = el('span', { class: 'label' });
  private readonly seconds = el('span', { class: 'seconds', 'aria-hidden': true });
  private readonly inner = el('div', { class: 'markdown', dir: 'auto' });
  private readonly box = el('div', { class: 'box', tabindex: 0, role: 'region', 'aria-label': 'Thoughts' }, this.inner);
  private readonly follow = new Follow(this.box);
  private readonly text = new MarkdownText(this.inner);
  private answer: Answer | undefined;
  private isTouched = false;
  private wasThinking = false;

  constructor() {
    this.summary.append(el('span', { class: 'dot', 'aria-hidden': true }), this.label, this.seconds);
    this.element.append(this.summary, this.box);
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
  update(answer: Answer, thinkingMs: number, atOnce: boolean): boolean {
    this.answer = answer;
    this.element.hidden = !answer.thoughts.trim();
    const isThinking = answer.state === 'thinking';
    if (isThinking && !this.wasThinking && !this.isTouched) this.element.open = remembered(PREFERENCE) !== 'closed';
    if (!isThinking && this.wasThinking && !this.isTouched && answer.text) this.element.open = remembered(PREFERENCE) === 'open';
    this.wasThinking = isThinking;
    this.element.classList.toggle('busy', isThinking);
    setText(this.label, isThinking ? 'Thinking' : title(answer));
    setText(this.seconds, isThinking && thinkingMs >= 1000 ? duration(thinkingMs) : '');
    if (!this.element.open) return true;
    const isAllShown = this.text.show(answer.thoughts, !isOpen(answer), atOnce);
    if (isThinking) this.follow.keep();
    return isAllShown;
  }

  /** Growing thoughts are read at their end, whole ones from their beginning. */
  private opened(): void {
    if (!this.answer) return;
    this.text.show(this.answer.thoughts, !isOpen(this.answer), true);
    if (this.wasThinking) this.follow.resume();
    else this.follow.rest();
  }
}

function title(answer: Answer): string {
  if (answer.thoughtMs === null) return 'Thoughts';
  const unfinished = !answer.text && answer.state !== 'done' && answer.state !== 'answering';
  return `Thought for ${duration(answer.thoughtMs)}${unfinished ? ', not finished' : ''}`;
}

/** "12 s", "2 min 5 s". */
export function duration(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Writing the same text again would end a selection in it. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
