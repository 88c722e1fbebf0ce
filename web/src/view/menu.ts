/** A menu that opens beside its button: a popover with buttons. */
import { el } from '../element';

/** An entry: what it says, how it is found, and what it does. */
export interface Entry {
  label: string;
  action: string;
  act: () => void;
}

/** One menu of the page; only one is open at a time. */
export class Menu {
  private readonly element: HTMLElement;

  constructor(parent: HTMLElement, id: string, label: string) {
    this.element = el('div', { id, popover: 'auto', class: 'menu', role: 'group', 'aria-label': label });
    parent.append(this.element);
  }

  /** Opens it beside a button, which gets the focus back when it closes. */
  open(button: HTMLElement, entries: readonly Entry[]): void {
    this.element.replaceChildren(...entries.map(({ label, action, act }) => {
      const item = el('button', { type: 'button', 'data-action': action }, label);
      item.addEventListener('click', () => {
        this.element.hidePopover();
        act();
      });
      return item;
    }));
    this.element.showPopover();
    const at = button.getBoundingClientRect();
    const top = Math.min(at.bottom + 4, innerHeight - this.element.offsetHeight - 8);
    const left = document.dir === 'rtl' ? at.right - this.element.offsetWidth : at.left;
    this.element.style.top = `${Math.max(8, top)}px`;
    this.element.style.left = `${Math.max(8, Math.min(left, innerWidth - this.element.offsetWidth - 8))}px`;
    this.element.querySelector('button')?.focus();
  }
}
