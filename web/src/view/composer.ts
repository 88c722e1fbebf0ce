/** The message box at the end of the page: words, and what goes with them. */
import { type Question, plainQuestion } from '../conversation';
import { byId } from '../element';
import type { Attachments } from './attachments';
import { QuestionBox } from './question-box';

/** What is typed stays until it is sent: while an answer comes, over a reload, and with the chat that it was typed in. */
export class Composer {
  private readonly form = byId('composer', HTMLFormElement);
  private readonly send = byId('send', HTMLButtonElement);
  private readonly stop = byId('stop', HTMLButtonElement);
  private readonly box: QuestionBox;
  private readonly attachments: Attachments;
  private opened = '';
  private isBusy = false;

  constructor(attachments: Attachments, onSend: (question: Question) => void, onStop: () => void, onChange: () => void) {
    this.attachments = attachments;
    const changed = () => {
      this.send.disabled = !this.box.text && attachments.isEmpty;
      onChange();
    };
    const submit = () => {
      if (this.send.disabled || this.isBusy || attachments.isReading) return;
      const question = this.question;
      this.box.write('');
      attachments.clear();
      onSend(question);
    };
    this.box = new QuestionBox(byId('question', HTMLTextAreaElement), submit, () => changed());
    attachments.onChange = changed;
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      submit();
    });
    // Send and Stop stand in the same place: the second click of a double click is meant for neither.
    this.send.addEventListener('click', (event) => event.detail > 1 && event.preventDefault());
    this.stop.addEventListener('click', (event) => {
      if (event.detail > 1) return;
      onStop();
      this.focus();
    });
  }

  /** What would be sent now. */
  get question(): Question {
    return { ...plainQuestion(this.box.text), ...this.attachments.taken() };
  }

  /** Takes up the draft of a conversation. */
  open(conversation: string): void {
    if (conversation === this.opened) return;
    this.opened = conversation;
    this.attachments.open(conversation);
    this.box.open(`draft ${conversation}`);
  }

  /** Gives a text back that could not be sent, unless another one was begun. */
  putBack(text: string): void {
    if (!this.box.text) this.box.write(text);
  }

  /** While an answer comes, Stop stands where Send does. */
  setBusy(isBusy: boolean): void {
    if (isBusy === this.isBusy) return;
    const hadFocus = document.activeElement === this.stop || document.activeElement === this.send;
    this.isBusy = isBusy;
    this.send.hidden = isBusy;
    this.stop.hidden = !isBusy;
    if (hadFocus) this.focus();
  }

  focus(): void {
    this.box.element.focus({ preventScroll: true });
  }
}
