/** How much room a conversation has left: said when it becomes little, with a way on when there is none. */
import { byId, el } from '../element';
import { words } from '../words';

/** From this share of a limit on it is told. */
const NEARLY = 0.9;

/** The line above the message box. */
export class Room {
  private readonly box = byId('room', HTMLElement);
  private readonly onGoOn: () => void;
  private shown = '';

  constructor(onGoOn: () => void) {
    this.onGoOn = onGoOn;
  }

  /** `share` of the fullest limit that the next question would take; `left`: questions, where messages are counted. */
  show(share: number, left: number | null): void {
    const text = share > 1 ? words.roomNone : share > NEARLY ? words.roomLittle(left) : '';
    if (text === this.shown) return;
    this.shown = text;
    this.box.hidden = text === '';
    if (!text) return this.box.replaceChildren();
    const button = el('button', { type: 'button' }, words.goOnNewest);
    button.addEventListener('click', () => this.onGoOn());
    this.box.replaceChildren(el('span', {}, text), button);
  }
}
