/** What a click in a turn does. */
import { type Question, plainQuestion, showVersion, type Turn, versionsOf } from './conversation';
import type { Session } from './session';
import type { Shown } from './shown';
import { say } from './view/announce';
import { copyAnswer, copyText } from './view/copy';
import { editQuestion } from './view/edit';
import type { Act, VersionAct } from './view/notice';
import { toast } from './view/toast';
import type { Transcript } from './view/transcript';
import { neighbour } from './view/versions';
import { words } from './words';

/** What this needs of the page around it. */
export interface Around {
  send(question: Question): void;
  /** Asks a turn's question anew, or another one in its place. */
  askAgain(turn: Turn, question: Question): void;
  goOnWithNewest(): void;
  startNew(): void;
  /** Another version is shown. */
  turnedTo(): void;
  /** The conversation changed, and is to be kept. */
  changed(): void;
}

/** Watches the turns for clicks. */
export class Acts {
  private readonly shown: Shown;
  private readonly transcript: Transcript;
  private readonly session: Session;
  private readonly around: Around;

  constructor(turns: HTMLElement, shown: Shown, transcript: Transcript, session: Session, around: Around) {
    this.shown = shown;
    this.transcript = transcript;
    this.session = session;
    this.around = around;
    turns.addEventListener('click', (event) => this.clicked(event));
  }

  /** Lets the reader change a question; what comes of it takes the turn's place. */
  async edit(turn: Turn): Promise<void> {
    const view = this.transcript.viewOf(turn);
    if (!view || view.element.querySelector('.edit')) return;
    const text = await editQuestion(view.questionBox, turn.id, turn.text);
    if (text === null || !this.shown.path.includes(turn)) return;
    this.around.askAgain(turn, { text, images: turn.images, files: turn.files });
  }

  private clicked(event: Event): void {
    const button = event.target instanceof Element ? event.target.closest('button') : null;
    if (!button) return;
    if (button.hasAttribute('data-copy-code')) {
      void copyText(button.closest('figure')?.querySelector('pre')?.textContent ?? '', button);
      return;
    }
    const act = button.dataset.act as Act | undefined;
    const turn = this.transcript.turnAt(button);
    if (act && turn) this.act(act, turn, button);
  }

  private act(act: Act, turn: Turn, button: HTMLElement): void {
    const { around } = this;
    switch (act) {
      case 'copy':
        return void copyAnswer(turn.answer.text, this.transcript.viewOf(turn)?.rendered ?? null, button);
      case 'copy-id':
        return void copyText(button.parentElement?.querySelector('code')?.textContent ?? '', button);
      case 'retry':
      case 'regenerate':
        return around.askAgain(turn, turn);
      case 'continue':
        return around.send(plainQuestion(words.goOn));
      case 'edit':
        return void this.edit(turn);
      case 'newest':
        around.goOnWithNewest();
        return around.askAgain(turn, turn);
      case 'dismiss':
        turn.failedTry = null;
        return around.changed();
      case 'new-chat':
        return around.startNew();
      case 'sign-in':
        return void this.session.signIn();
      case 'up':
      case 'down':
        return void this.judge(turn, act);
      case 'older-answer':
      case 'newer-answer':
      case 'older-question':
      case 'newer-question':
        return this.showOther(turn, act);
    }
  }

  private showOther(turn: Turn, act: VersionAct): void {
    const { conversation, isBusy, last } = this.shown;
    const [side, of] = act.split('-') as ['older' | 'newer', 'answer' | 'question'];
    const versions = versionsOf(conversation, turn);
    const other = neighbour(of === 'answer' ? versions.answers : versions.questions, turn, of, side === 'older' ? -1 : 1);
    if (!other || (isBusy && turn === last)) return;
    showVersion(conversation, other);
    this.around.turnedTo();
    const element = this.transcript.viewOf(other)?.element;
    const button = (name: string) => element?.querySelector<HTMLElement>(`[data-act="${name}-${of}"]:enabled`);
    // Where there is nothing further on this side, the button of the other one.
    (button(side) ?? button(side === 'older' ? 'newer' : 'older'))?.focus();
  }

  private async judge(turn: Turn, verdict: 'up' | 'down'): Promise<void> {
    const { requestId } = turn.answer;
    if (requestId === null || turn.verdict === verdict) return;
    try {
      await this.session.sendVerdict(requestId, verdict);
      turn.verdict = verdict;
      say(words.thanks);
      this.around.changed();
    } catch {
      toast(words.verdictFailed);
    }
  }
}
