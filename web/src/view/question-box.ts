/** A box for a question, new or edited: Enter sends, Shift+Enter does not, and neither does the Enter that ends an input method's word. */
import { remember, remembered } from '../memory';

/** Makes a text area one; what is typed in it is remembered in this tab under `draft`, until it is sent or given up. */
export class QuestionBox {
  readonly element: HTMLTextAreaElement;
  private draft = '';
  private readonly onInput: () => void;

  constructor(element: HTMLTextAreaElement, onSend: () => void, onInput: () => void = () => {}) {
    this.element = element;
    this.onInput = onInput;
    element.addEventListener('keydown', (event) => {
      // 229 is how browsers that report no composition say that an input method has the key.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      onSend();
    });
    element.addEventListener('input', () => this.changed());
  }

  get text(): string {
    return this.element.value.trim();
  }

  /** Takes up the draft of this name; `text` where there is none. */
  open(draft: string, text = ''): void {
    this.draft = draft;
    this.element.value = remembered(draft, true) ?? text;
    this.fit();
    this.onInput();
  }

  /** Puts a text into the box. */
  write(text: string): void {
    this.element.value = text;
    this.changed();
  }

  /** Nothing is left to remember. */
  forget(): void {
    remember(this.draft, null, true);
  }

  private changed(): void {
    remember(this.draft, this.element.value || null, true);
    this.fit();
    this.onInput();
  }

  /** Browsers without `field-sizing` get the height by hand. */
  private fit(): void {
    if (CSS.supports('field-sizing', 'content')) return;
    this.element.style.height = 'auto';
    this.element.style.height = `${this.element.scrollHeight}px`;
  }
}
