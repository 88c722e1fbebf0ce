/**
 * The thoughts: open while the model thinks, folded when the answer begins. A reader who opens or closes them has decided,
 * for this answer and, if it was during the thinking, for those that follow.
 */
import { type Answer, isOpen } from '../answer';
import { el } from '../element';
import { MarkdownText } from '../markdown/text';
import { Follow } from './follow';

const PREFERENCE = 'thoughts';

/** The folding panel above an answer. */
export class ThinkingPanel {
  readonly element = el('details', { class: 'thoughts', hidden: true });
  private readonly summary = el('summary');
  private readonly label = el('span', { class: 'label' });
  private readonly seconds = el('span', { class: 'seconds', 'aria-hidden': true });
  private readonly text = el('div', { class: 'markdown', dir: 'auto' });
  private readonly box = el('div', { class: 'box', tabindex: 0, role: 'region', 'aria-label': 'Thoughts' }, this.text);
  private readonly follow = new Follow(this.box);
  private stream = new MarkdownText(this.text);
  private pushed = 0;
  private isComplete = false;
  private isEnded = false;
  private isTouched = false;
  private wasThinking = false;

  constructor() {
    this.summary.append(el('span', { class: 'dot', 'aria-hidden': true }), this.label, this.seconds);
    this.element.append(this.summary, this.box);
    // A click, also by keyboard, is the reader's; the `toggle` event would also tell of what this does itself.
    this.summary.addEventListener('click', () => {
      this.isTouched = true;
      if (this.wasThinking) remember(this.element.open ? 'closed' : 'open');
    });
    this.element.addEventListener('toggle', () => this.element.open && this.show());
  }

  /** Shows the state of the answer; `thinkingMs` counts while it thinks. */
  update(answer: Answer, thinkingMs: number): void {
    this.element.hidden = !answer.thoughts.trim();
    const isThinking = answer.state === 'thinking';
    if (isThinking && !this.wasThinking && !this.isTouched) this.element.open = remembered() !== 'closed';
    if (!isThinking && this.wasThinking && !this.isTouched && answer.text) this.element.open = remembered() === 'open';
    this.wasThinking = isThinking;
    this.element.classList.toggle('busy', isThinking);
    setText(this.label, isThinking ? 'Thinking' : title(answer));
    setText(this.seconds, isThinking && thinkingMs >= 1000 ? duration(thinkingMs) : '');
    this.push(answer);
    if (this.element.open) this.show();
  }

  private push(answer: Answer): void {
    if (answer.thoughts.length > this.pushed) {
      this.stream.push(answer.thoughts.slice(this.pushed));
      this.pushed = answer.thoughts.length;
    } else if (answer.thoughts.length < this.pushed) {
      this.stream = new MarkdownText(this.text);
      this.stream.push(answer.thoughts);
      this.pushed = answer.thoughts.length;
      this.isEnded = false;
    }
    this.isComplete = !isOpen(answer);
  }

  /** Folded thoughts are not laid out; they are when they are opened. */
  private show(): void {
    if (this.isComplete && !this.isEnded) this.stream.end();
    else if (!this.isEnded) this.stream.render();
    this.isEnded = this.isComplete;
    if (this.wasThinking) this.follow.keep();
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

function remembered(): string | null {
  try {
    return localStorage.getItem(PREFERENCE);
  } catch {
    return null;
  }
}

function remember(choice: 'open' | 'closed'): void {
  try {
    localStorage.setItem(PREFERENCE, choice);
  } catch {
    // No storage, no memory.
  }
}
