/** A turn on the page: the question, the thoughts, the answer, and what can be done with it. */
import { type Answer, isOpen, speed } from '../answer';
import type { Turn } from '../conversation';
import { el } from '../element';
import type { Exchange } from '../exchange';
import { MarkdownText } from '../markdown/text';
import { icon, type IconName } from './icons';
import { type Act, notice } from './notice';
import { duration, setText, ThinkingPanel } from './thinking';

/** Silence after which the page says that it still waits, and after which it doubts the connection. */
const WAIT_SHOWN_MS = 4_000;
const DOUBT_MS = 45_000;

/** A question that may be higher than its box has to be reached by keyboards. */
const LONG_QUESTION_CHARS = 1_000;
const LONG_QUESTION = { tabindex: 0, role: 'region', 'aria-label': 'Your message' } as const;

/** Shows a turn; `update` is cheap to call every frame. */
export class TurnView {
  readonly element: HTMLElement;
  readonly turn: Turn;
  private readonly thinking = new ThinkingPanel();
  private readonly box = el('div', { class: 'markdown', dir: 'auto' });
  private readonly text = new MarkdownText(this.box);
  private readonly waiting = el('p', { class: 'waiting', hidden: true },
    el('span', { class: 'pulse', 'aria-hidden': true }), el('span'));
  private readonly ending = el('div', { class: 'ending' });
  /** Whether the answer was whole before it was shown: then it comes at once, as nobody has waited for it yet. */
  private readonly isStored: boolean;
  private shownEnd = '';

  constructor(turn: Turn, number: number) {
    this.turn = turn;
    this.isStored = !isOpen(turn.answer);
    const question = el('div', { class: 'question' },
      el('div', { class: 'tools' },
        el('button', { type: 'button', class: 'icon', 'data-act': 'edit', 'aria-label': 'Edit your message', title: 'Edit' }, icon('edit'))),
      el('div', { class: 'bubble', dir: 'auto', ...(turn.question.length > LONG_QUESTION_CHARS && LONG_QUESTION) }, turn.question));
    this.element = el('article', { class: 'turn', 'aria-label': `Turn ${number}` },
      el('h2', { class: 'hidden' }, `Question ${number}`), question,
      el('h2', { class: 'hidden' }, `Answer ${number}`),
      el('div', { class: 'answer' }, this.thinking.element, this.box, this.waiting, this.ending));
  }

  /** Shows the answer as it is now; false when there is more of it for the next frame. `exchange` is there while it comes. */
  update(isLast: boolean, exchange: Exchange | undefined): boolean {
    const { answer } = this.turn;
    const areThoughtsShown = this.thinking.update(answer, exchange?.thinkingMs() ?? 0, this.isStored);
    const isTextShown = this.text.show(answer.text, !isOpen(answer), this.isStored);
    this.showWaiting(answer, exchange);
    if (isTextShown) this.showEnd(answer, isLast);
    return areThoughtsShown && isTextShown;
  }

  private showWaiting(answer: Answer, exchange: Exchange | undefined): void {
    const words = isOpen(answer) ? waitingWords(answer, exchange, performance.now()) : null;
    this.waiting.hidden = words === null;
    if (words !== null) setText(this.waiting.lastElementChild ?? this.waiting, words);
  }

  /** The notice and the tools are made once for each end: a focused button must not be replaced under the reader. */
  private showEnd(answer: Answer, isLast: boolean): void {
    const end = `${answer.state} ${answer.failure?.code ?? ''} ${isLast}`;
    if (end === this.shownEnd) return;
    this.shownEnd = end;
    if (isOpen(answer)) return this.ending.replaceChildren();
    const problem = notice(answer, isLast);
    const tools = el('div', { class: 'tools' },
      answer.text.trim() ? tool('copy', 'Copy', 'copy') : null,
      // A notice offers what helps by itself.
      isLast && !problem && tool('regenerate', 'Regenerate', 'again'),
      el('span', { class: 'figures' }, figures(answer)));
    this.ending.replaceChildren(...[problem, tools].filter((node) => node !== null));
  }
}

/** What is said while nothing comes; null while enough does. No `exchange`: another tab has the answer. */
function waitingWords(answer: Answer, exchange: Exchange | undefined, now: number): string | null {
  if (!exchange) return 'This answer comes in another tab';
  const silence = now - exchange.lastNews;
  const isLong = silence > WAIT_SHOWN_MS;
  if (answer.state !== 'waiting' && !isLong) return null;
  const noSign = now - exchange.lastSign;
  if (noSign > DOUBT_MS) return `No sign of life for ${duration(noSign)}: the connection may be lost. You can stop and retry`;
  const since = isLong ? `, ${duration(silence)}` : '';
  const isAlive = exchange.lastSign > exchange.lastNews ? '; the connection is alive' : '';
  return `${answer.state === 'waiting' ? 'Waiting for the model' : 'The model is silent'}${since}${isAlive}`;
}

function tool(act: Act, label: string, image: IconName): HTMLElement {
  return el('button', { type: 'button', class: 'quiet', 'data-act': act }, icon(image), label);
}

/** "415 tokens, 127 of them thoughts · 48 tokens/s · 11.6 s" */
function figures(answer: Answer): string {
  const { usage } = answer;
  const parts: string[] = [];
  if (usage?.completion) {
    const thoughts = usage.reasoning ? `, ${usage.reasoning.toLocaleString('en')} of them thoughts` : '';
    parts.push(`${usage.completion.toLocaleString('en')} tokens${thoughts}`);
  }
  const rate = speed(answer);
  if (rate) parts.push(`${rate < 10 ? rate.toFixed(1) : Math.round(rate)} tokens/s`);
  if (answer.elapsedMs !== null) parts.push(`${(answer.elapsedMs / 1000).toFixed(1)} s`);
  return parts.join(' · ');
}
