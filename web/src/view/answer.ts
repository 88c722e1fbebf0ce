/** An answer on the page: the thoughts, the text, what is said while one waits, and how it ended. */
import { type Answer, isOpen } from '../answer';
import { el } from '../element';
import type { Exchange } from '../exchange';
import { MarkdownText } from '../markdown/text';
import type { Place, TurnSource } from '../place';
import { words } from '../words';
import { duration, figures } from './figures';
import { icon, type IconName } from './icons';
import { type Act, failedTryNotice, notice } from './notice';
import { setText, ThinkingPanel } from './thinking';
import { pager } from './versions';

/** Silence after which the page says how long it waits, that it may take minutes, and that it doubts the connection. */
const WAIT_SHOWN_MS = 4_000;
const PATIENCE_MS = 12_000;
const DOUBT_MS = 45_000;

/** Shows an answer; `update` is cheap to call every frame. */
export class AnswerView {
  readonly element: DocumentFragment = document.createDocumentFragment();
  readonly text: HTMLElement = el('div', { class: 'markdown' });
  private readonly source: TurnSource;
  private readonly thinking: ThinkingPanel;
  private readonly markdown = new MarkdownText(this.text);
  private readonly waiting = el('p', { class: 'waiting', hidden: true }, el('span', { class: 'pulse', 'aria-hidden': true }), el('span'));
  private readonly ending = el('div', { class: 'ending' });
  private shownEnd = '';

  constructor(source: TurnSource, areThoughtsOpen: boolean) {
    this.source = source;
    this.thinking = new ThinkingPanel(areThoughtsOpen);
    this.element.append(this.thinking.element, this.text, this.waiting, this.ending);
  }

  /** Shows the answer as it is now, working `until` then, but a slice at least; false when there is more for the next frame. */
  update(exchange: Exchange | undefined, until: number): boolean {
    const { answer } = this.source.turn;
    const areThoughtsShown = this.thinking.update(answer, exchange?.thinkingMs() ?? 0, until);
    const isTextShown = this.markdown.show(answer.text, !isOpen(answer), until);
    this.showWaiting(answer, exchange);
    if (isTextShown) this.showEnd(answer, this.source.place());
    return areThoughtsShown && isTextShown;
  }

  get areThoughtsOpen(): boolean {
    return this.thinking.element.open && !this.thinking.element.hidden;
  }

  /** Its observers end. */
  close(): void {
    this.thinking.close();
  }

  private showWaiting(answer: Answer, exchange: Exchange | undefined): void {
    const text = isOpen(answer) ? waitingWords(answer, exchange, performance.now()) : null;
    this.waiting.hidden = text === null;
    if (text !== null) setText(this.waiting.lastElementChild ?? this.waiting, text);
  }

  /** The notice and the tools are made once for each end: a focused button must not be replaced under the reader. */
  private showEnd(answer: Answer, place: Place): void {
    const { turn } = this.source;
    const { isLast, versions, note, model, canSignIn, canJudge } = place;
    const { verdict, failedTry: tried } = turn;
    const ids = versions.answers.map(({ id }) => id);
    const end = JSON.stringify([answer.state, answer.failure?.code, isLast, ids, note, model, canSignIn, canJudge, verdict, tried?.code, tried?.requestId]);
    if (end === this.shownEnd) return;
    this.shownEnd = end;
    if (isOpen(answer)) return this.ending.replaceChildren();
    const means = { isLast, canSignIn };
    const problem = notice(answer, means);
    const failedTry = turn.failedTry && isLast ? failedTryNotice(turn.failedTry, means) : null;
    const hasText = answer.text.trim() !== '';
    const tools = el('div', { class: 'tools' },
      hasText && tool('copy', words.copy, 'copy'),
      // A notice offers what helps by itself.
      isLast && !problem && !failedTry && tool('regenerate', words.regenerate, 'again'),
      canJudge && hasText && answer.requestId !== null && judge('up', words.good, turn.verdict),
      canJudge && hasText && answer.requestId !== null && judge('down', words.bad, turn.verdict),
      pager(versions.answers, turn, 'answer'),
      // A name in another script must not change the order of the others.
      el('span', { class: 'figures' }, ...figures(answer, model).flatMap((part, at) => [at > 0 && ' · ', el('bdi', {}, part)])));
    const told = note && el('p', { class: 'told' }, note);
    this.ending.replaceChildren(...[told, problem, failedTry, tools].filter((node) => node instanceof Node));
  }
}

/** What is said while nothing comes; null while enough does. No `exchange`: another tab has the answer. */
function waitingWords(answer: Answer, exchange: Exchange | undefined, now: number): string | null {
  if (!exchange) return words.inAnotherTab;
  const silence = now - exchange.lastNews;
  const isLong = silence > WAIT_SHOWN_MS;
  if (answer.state !== 'waiting' && !isLong) return null;
  const noSign = now - exchange.lastSign;
  if (noSign > DOUBT_MS) return words.noSign(duration(noSign));
  const parts = [words.waiting(isLong ? duration(silence) : null)];
  if (answer.state === 'waiting' && silence > PATIENCE_MS) parts.push(words.mayTakeMinutes);
  if (exchange.lastSign > exchange.lastNews) parts.push(words.isAlive);
  return parts.join(' ');
}

function tool(act: Act, label: string, image: IconName): HTMLElement {
  return el('button', { type: 'button', class: 'quiet', 'data-act': act }, icon(image), label);
}

function judge(verdict: 'up' | 'down', label: string, given: 'up' | 'down' | null): HTMLElement {
  const attributes = { 'data-act': verdict, 'aria-pressed': String(given === verdict), 'aria-label': label, title: label };
  return el('button', { type: 'button', class: 'quiet judge', ...attributes }, icon(verdict === 'up' ? 'good' : 'bad'));
}
