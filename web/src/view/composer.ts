/** The message box: Enter sends, Shift+Enter does not, and neither does the Enter that ends an input method's word. */
import { byId } from '../element';
import { remember, remembered } from '../memory';

const DRAFT = 'draft';

/** What is typed stays until it is sent: while an answer comes, and over a reload. */
export class Composer {
  private readonly form = byId('composer', HTMLFormElement);
  private readonly box = byId('question', HTMLTextAreaElement);
  private readonly send = byId('send', HTMLButtonElement);
  private readonly stop = byId('stop', HTMLButtonElement);
  private isBusy = false;

  constructor(onSend: (text: string) => void, onStop: () => void) {
    const submit = () => {
      const text = this.box.value.trim();
      if (!text || this.isBusy) return;
      this.write('');
      onSend(text);
    };
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      submit();
    });
    this.box.addEventListener('keydown', (event) => {
      // 229 is how browsers that report no composition say that an input method has the key.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      submit();
    });
    this.box.addEventListener('input', () => this.changed());
    // Send and Stop stand in the same place: the second click of a double click is meant for neither.
    this.send.addEventListener('click', (event) => event.detail > 1 && event.preventDefault());
    this.stop.addEventListener('click', (event) => {
      if (event.detail > 1) return;
      onStop();
      this.focus();
    });
    this.write(remembered(DRAFT, true) ?? '');
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
    this.box.focus({ preventScroll: true });
  }

  /** Puts a text into the box. */
  write(text: string): void {
    this.box.value = text;
    this.changed();
  }

  private changed(): void {
    this.send.disabled = !this.box.value.trim();
    remember(DRAFT, this.box.value, true);
    // Browsers without `field-sizing` get the height by hand.
    if (!CSS.supports('field-sizing', 'content')) {
      this.box.style.height = 'auto';
      this.box.style.height = `${this.box.scrollHeight}px`;
    }
  }
}
