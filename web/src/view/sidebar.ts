/** The list of chats, and what can be done with each: open, rename, export, delete. */
import { byId, el } from '../element';
import type { Summary } from '../store';
import { icon } from './icons';

/** What the page does for the list. */
export interface ChatActions {
  open(id: string): void;
  rename(id: string): void;
  save(id: string): void;
  remove(id: string): void;
}

const NARROW = matchMedia('(max-width: 860px)');

/** On narrow screens it lies over the page and is opened by a button. */
export class Sidebar {
  private readonly side = byId('sidebar', HTMLElement);
  private readonly list = byId('chats', HTMLUListElement);
  private readonly scrim = byId('scrim', HTMLElement);
  private readonly toggle = byId('toggle-sidebar', HTMLButtonElement);
  private readonly menu = el('div', { id: 'chat-menu', popover: 'auto', role: 'group', 'aria-label': 'Chat' });
  private readonly actions: ChatActions;
  private menuFor = '';

  constructor(actions: ChatActions) {
    this.actions = actions;
    this.side.append(this.menu);
    this.menu.append(
      this.menuItem('Rename', 'rename'), this.menuItem('Export as Markdown', 'save'), this.menuItem('Delete', 'remove'));
    this.toggle.addEventListener('click', () => this.setOpen(!this.side.classList.contains('open')));
    this.scrim.addEventListener('click', () => this.setOpen(false));
    this.side.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !NARROW.matches) return;
      event.stopPropagation();
      this.setOpen(false);
    });
    NARROW.addEventListener('change', () => this.setOpen(false));
    this.setOpen(false);
  }

  /** Shows these chats; `busy` are those that an answer comes for. */
  show(chats: readonly Summary[], current: string, busy: ReadonlySet<string>): void {
    const focused = this.list.contains(document.activeElement) ? document.activeElement : null;
    const id = focused?.closest('li')?.dataset.id;
    this.list.replaceChildren(...chats.map((chat) => this.row(chat, chat.id === current, busy.has(chat.id))));
    if (id === undefined) return;
    const row = [...this.list.children].find((item) => item instanceof HTMLElement && item.dataset.id === id);
    row?.querySelector<HTMLElement>(focused?.classList.contains('icon') ? '.icon' : '.chat')?.focus();
  }

  /** Closes it where it lies over the page. */
  close(): void {
    if (this.side.classList.contains('open')) this.setOpen(false);
  }

  private row(chat: Summary, isCurrent: boolean, isBusy: boolean): HTMLElement {
    const open = el('button', { type: 'button', class: 'chat', dir: 'auto', 'aria-current': isCurrent && 'page', title: chat.title },
      chat.title, isBusy && el('span', { class: 'pulse', role: 'img', 'aria-label': 'an answer is coming' }));
    open.addEventListener('click', () => {
      this.actions.open(chat.id);
      this.close();
    });
    const more = el('button', { type: 'button', class: 'icon', 'aria-label': `More for “${chat.title}”`, 'aria-haspopup': true }, icon('more'));
    more.addEventListener('click', () => this.openMenu(chat.id, more));
    return el('li', { 'data-id': chat.id }, open, more);
  }

  private menuItem(label: string, action: Exclude<keyof ChatActions, 'open'>): HTMLElement {
    const item = el('button', { type: 'button', 'data-action': action }, label);
    item.addEventListener('click', () => {
      this.menu.hidePopover();
      this.actions[action](this.menuFor);
    });
    return item;
  }

  private openMenu(id: string, button: HTMLElement): void {
    this.menuFor = id;
    this.menu.showPopover();
    const at = button.getBoundingClientRect();
    const top = Math.min(at.bottom + 4, innerHeight - this.menu.offsetHeight - 8);
    this.menu.style.top = `${top}px`;
    this.menu.style.left = `${Math.max(8, Math.min(at.left, innerWidth - this.menu.offsetWidth - 8))}px`;
    this.menu.querySelector('button')?.focus();
  }

  private setOpen(isOpen: boolean): void {
    const covers = NARROW.matches;
    this.side.classList.toggle('open', isOpen && covers);
    this.scrim.hidden = !(isOpen && covers);
    this.side.inert = covers && !isOpen;
    byId('app', HTMLElement).inert = covers && isOpen;
    this.toggle.setAttribute('aria-expanded', String(isOpen && covers));
    if (covers && isOpen) this.side.querySelector('button')?.focus();
    else if (covers && document.activeElement === document.body) this.toggle.focus();
  }
}
