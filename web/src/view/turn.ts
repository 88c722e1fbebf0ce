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

/** The most of a text that one frame takes: a burst of a hundred kilobytes must not freeze the page. */
const SLICE_CHARS = 5_000;

/** Shows a turn; `update` is cheap to call every frame. */
export class TurnView {
  readonly element: HTMLElement;
  readonly turn: Turn;
  private readonly thinking = new ThinkingPanel();
  private readonly text = el('div', { class: 'markdown', dir: 'auto' });
  private readonly waiting = el('p', { class: 'waiting', hidden: true },
    el('span', { class: 'pulse', 'aria-hidden': true }), el('span'));
  private readonly ending = el('div', { class: 'ending' });
  private stream = new MarkdownText(this.text);
  private pushed = 0;
  private shownEnd = '';
  private wasOpen = false;

  constructor(turn: Turn, number: number) {
    this.turn = turn;
    const question = el('div', { class: 'question' },
      el('div', { class: 'tools' },
        el('button', { type: 'button', class: 'icon', 'data-act': 'edit', 'aria-label': 'Edit your message', title: 'Edit' }, icon('edit'))),
      el('div', { class: 'bubble', dir: 'auto' }, turn.question));
    this.element = el('article', { class: 'turn', 'aria-label': `Turn ${number}` },
      el('h2', { class: 'hidden' }, `Question ${number}`), question,
      el('h2', { class: 'hidden' }, `Answer ${number}`),
      el('div', { class: 'answer' }, this.thinking.element, this.text, this.waiting, this.ending));
  }

  /** Shows the answer as it is now; false when there is more of it for the next frame. `exchange` is there while it comes. */
  update(isLast: boolean, exchange: Exchange | undefined): boolean {
    const { answer } = this.turn;
    this.thinking.update(answer, exchange?.thinkingMs() ?? 0);
    const isAllShown = this.growText(answer);
    this.showWaiting(answer, exchange);
    if (isAllShown) this.showEnd(answer, isLast);
    return isAllShown;
  }

  private growText(answer: Answer): boolean {
    if (answer.text.length < this.pushed) {
      // The filter took it back.
      this.stream = new MarkdownText(this.text);
      this.pushed = 0;
    }
    // What was stored comes at once: nobody has waited for it yet.
    const isStored = this.pushed === 0 && !this.wasOpen && !isOpen(answer);
    this.wasOpen ||= isOpen(answer);
    const end = isStored ? answer.text.length : Math.min(answer.text.length, this.pushed + SLICE_CHARS);
    if (end > this.pushed) this.stream.push(answer.text.slice(this.pushed, end));
    this.pushed = end;
    const isAll = end === answer.text.length;
    if (isOpen(answer) || !isAll) this.stream.render();
    else this.stream.end();
    return isAll;
  }

  private showWaiting(answer: Answer, exchange: Exchange | undefined): void {
    const now = performance.now();
    const silence = exchange ? now - exchange.lastSign : 0;
    const isSilent = silence > WAIT_SHOWN_MS;
    this.waiting.hidden = !exchange || !isOpen(answer) || (answer.state !== 'waiting' && !isSilent);
    if (this.waiting.hidden || !exchange) return;
    const waited = now - exchange.since;
    let words = 'Waiting for the model';
    if (silence > DOUBT_MS) words = `No sign of life for ${duration(silence)}: the connection may be lost. You can stop and retry`;
    else if (answer.state !== 'waiting') words = 'The model is silent; the connection is alive';
    else if (waited > WAIT_SHOWN_MS) words = `Waiting for the model, ${duration(waited)}`;
    setText(this.waiting.lastElementChild ?? this.waiting, words);
  }

  /** The notice and the tools are made once for each end: a focused button must not be replaced under the reader. */
  private showEnd(answer: Answer, isLast: boolean): void {
    const end = `${answer.state} ${answer.failure?.code ?? ''} ${isLast}`;
    if (end === this.shownEnd) return;
    this.shownEnd = end;
    if (isOpen(answer)) return this.ending.replaceChildren();
    const tools = el('div', { class: 'tools' },
      answer.text.trim() ? tool('copy', 'Copy', 'copy') : null,
      isLast && tool('regenerate', 'Regenerate', 'again'),
      el('span', { class: 'figures' }, figures(answer)));
    this.ending.replaceChildren(...[notice(answer, isLast), tools].filter((node) => node !== null));
  }
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
