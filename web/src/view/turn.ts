/**
 * A turn on the page. Far from where the reader is it is its plain text: cheap, and still found by the browser's search.
 * Near, it is awake: the answer is rendered, and there are tools.
 */
import { isOpen } from '../answer';
import { el } from '../element';
import type { Exchange } from '../exchange';
import type { TurnSource } from '../place';
import { words } from '../words';
import { AnswerView } from './answer';
import { icon } from './icons';
import { pager } from './versions';

/** A question that may be higher than its box has to be reached by keyboards. */
const LONG_QUESTION_CHARS = 1_000;

/** About how high text stands: characters a line, and pixels. What was once laid out is remembered by the browser itself. */
const LINE_CHARS = 75;
const LINE_PX = 27;
const AROUND_PX = 130;

/** Shows a turn. */
export class TurnView {
  readonly element: HTMLElement;
  readonly source: TurnSource;
  private readonly question: HTMLElement;
  private readonly answerBox = el('div', { class: 'answer' });
  private answer: AnswerView | null = null;
  private areThoughtsOpen = false;
  private shownQuestion = '';

  constructor(source: TurnSource, number: number) {
    this.source = source;
    const { turn } = source;
    const isLong = turn.text.length > LONG_QUESTION_CHARS;
    this.question = el('div', { class: 'question' },
      el('div', { class: 'bubble', dir: 'auto', ...(isLong && { tabindex: 0, role: 'group', 'aria-label': words.yourMessage }) }, turn.text));
    this.element = el('article', { class: 'turn', 'aria-label': words.turn(number) },
      el('h2', { class: 'hidden' }, words.questionNumber(number)), this.question,
      el('h2', { class: 'hidden' }, words.answerNumber(number)), this.answerBox);
    const lines = (turn.text.length + turn.answer.text.length) / LINE_CHARS + (turn.answer.text.split('\n').length - 1) / 2;
    this.element.style.containIntrinsicBlockSize = `auto ${Math.round(AROUND_PX + lines * LINE_PX)}px`;
    this.showPlain();
  }

  get isAwake(): boolean {
    return this.answer !== null;
  }

  /** The text of the answer as it is rendered, while it is. */
  get rendered(): HTMLElement | null {
    return this.answer?.text ?? null;
  }

  /** Whether something would be lost if it went to sleep: what a reader has selected, focused or begun to type. */
  get isHeld(): boolean {
    const selection = getSelection();
    return isOpen(this.source.turn.answer) || this.element.contains(document.activeElement) || this.element.querySelector('.edit') !== null
      || (selection !== null && !selection.isCollapsed && selection.containsNode(this.element, true));
  }

  /** Begins to be rendered; `update` goes on with it. */
  wake(): void {
    if (this.answer) return;
    this.answer = new AnswerView(this.source, this.areThoughtsOpen);
    this.answerBox.replaceChildren(this.answer.element);
    this.element.classList.add('awake');
  }

  /** Goes back to plain text, as high as it was. */
  sleep(): void {
    if (!this.answer) return;
    this.areThoughtsOpen = this.answer.areThoughtsOpen;
    this.answer.close();
    this.answer = null;
    this.element.classList.remove('awake');
    this.showPlain();
  }

  /** Shows question and answer as they are now, working `until` then; false when there is more for the next frame. */
  update(exchange: Exchange | undefined, until: number): boolean {
    if (!this.answer) return true;
    this.showQuestion();
    return this.answer.update(exchange, until);
  }

  /** Where an edit takes the question's place. */
  get questionBox(): HTMLElement {
    return this.question;
  }

  private showPlain(): void {
    const { text } = this.source.turn.answer;
    this.answerBox.replaceChildren(el('div', { class: 'markdown plain' }, text));
  }

  private showQuestion(): void {
    const { turn } = this.source;
    const { counts, isFirst, versions, sentImages } = this.source.place();
    const ids = versions.questions.map(({ id }) => id);
    const state = JSON.stringify([counts, isFirst, ids, ids.indexOf(turn.id), turn.images.map(({ id }) => sentImages.has(id))]);
    if (state === this.shownQuestion) return;
    this.shownQuestion = state;
    this.element.classList.toggle('left-behind', !counts);
    this.element.querySelector(':scope > .divider')?.remove();
    if (isFirst) this.element.prepend(el('p', { class: 'divider' }, words.leftBehind));
    for (const old of this.question.querySelectorAll(':scope > :not(.bubble)')) old.remove();
    const bubble = this.question.querySelector<HTMLElement>('.bubble');
    if (bubble) bubble.hidden = turn.text === '';
    this.question.prepend(el('div', { class: 'tools' },
      el('button', { type: 'button', class: 'icon', 'data-act': 'edit', 'aria-label': words.edit, title: words.edit }, icon('edit')),
      pager(versions.questions, turn, 'question')));
    if (turn.files.length > 0) this.question.append(this.files());
    if (turn.images.length > 0) this.question.append(this.images(sentImages));
  }

  private files(): HTMLElement {
    return el('div', { class: 'files' }, ...this.source.turn.files.map(({ name, text }) => el('details', { class: 'file' },
      el('summary', {}, icon('file'), el('bdi', {}, name)), el('pre', { tabindex: 0, dir: 'auto' }, text))));
  }

  private images(sent: ReadonlySet<string>): HTMLElement {
    return el('ul', { class: 'images', 'aria-label': words.images }, ...this.source.turn.images.map(({ id, name, width, height }) => {
      const isSent = sent.has(id);
      const image = el('img', { alt: name, width, height });
      const item = el('li', { class: isSent ? 'thumb' : 'thumb unused', title: name }, image, !isSent && el('small', {}, words.noLongerSent));
      void this.source.imageUrl(id).then((url) => {
        if (url) image.src = url;
        else item.replaceChildren(el('span', { class: 'gone' }, words.imageGone(name)));
      });
      return item;
    }));
  }
}
