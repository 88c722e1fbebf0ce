/** The list of chats, pinned ones first and then by their age; the search in it; and what can be done with each, and with all. */
import { byId, el } from '../element';
import { foldedForSearch, type Summary } from '../store';
import { words } from '../words';
import { ageOf } from './age';
import { say } from './announce';
import { icon } from './icons';
import { Menu } from './menu';

/** What a menu of the list does. */
export interface ChatActions {
  rename(id: string): void;
  pin(id: string): void;
  exportMarkdown(id: string): void;
  exportJson(id: string): void;
  remove(id: string): void;
  exportAll(as: 'json' | 'markdown'): void;
  removeAll(): void;
  import(file: File): void;
}

/** Finds chats that hold these words; hands them over as they are found. */
export type Search = (words: readonly string[], signal: AbortSignal, onFound: (found: Summary[]) => void) => Promise<void>;

const NARROW = matchMedia('(max-width: 860px)');
/** Rows that are made at once; more come when the end of them is near. */
const ROWS = 60;
/** A key press or two more may come before a search through all texts is worth it. */
const SEARCH_AFTER_MS = 200;

/** On narrow screens it lies over the page and is opened by a button. */
export class Sidebar {
  private readonly side = byId('sidebar', HTMLElement);
  private readonly list = byId('chats', HTMLElement);
  private readonly scrim = byId('scrim', HTMLElement);
  private readonly toggle = byId('toggle-sidebar', HTMLButtonElement);
  private readonly search = byId('search', HTMLInputElement);
  private readonly note = byId('list-note', HTMLElement);
  private readonly menu = new Menu(this.side, 'chat-menu', words.chat);
  private readonly end = el('div', { class: 'end', 'aria-hidden': true });
  private readonly open: (id: string) => void;
  private readonly fetchActions: () => Promise<ChatActions>;
  private actions: ChatActions | undefined;
  private readonly find: Search;
  private all: readonly Summary[] | null = null;
  private current = '';
  private busy: ReadonlySet<string> = new Set();
  private rows = ROWS;
  private found: Summary[] | null = null;
  private searching: AbortController | undefined;

  /** What the menus do is fetched when nothing else is to do, or when the first of it is wanted. */
  constructor(open: (id: string) => void, fetchActions: () => Promise<ChatActions>, find: Search) {
    this.open = open;
    this.fetchActions = fetchActions;
    this.find = find;
    this.toggle.addEventListener('click', () => this.setOpen(!this.side.classList.contains('open')));
    this.scrim.addEventListener('click', () => this.setOpen(false));
    this.side.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      if (event.target === this.search && this.search.value) {
        event.stopPropagation();
        this.search.value = '';
        this.searched();
      } else if (NARROW.matches) {
        event.stopPropagation();
        this.setOpen(false);
      }
    });
    this.search.addEventListener('input', () => this.searched());
    const more = new IntersectionObserver(([entry]) => {
      if (!entry?.isIntersecting || this.rows >= this.listed.length) return;
      this.rows += ROWS;
      this.render();
    }, { root: this.list.parentElement, rootMargin: '400px' });
    more.observe(this.end);
    this.setUpAllMenu();
    NARROW.addEventListener('change', () => this.setOpen(false));
    this.setOpen(false);
    this.render();
  }

  /** Shows these chats; `busy` are those that an answer comes for. */
  show(chats: readonly Summary[], current: string, busy: ReadonlySet<string>): void {
    this.all = chats;
    this.current = current;
    this.busy = busy;
    this.render();
  }

  /** Closes it where it lies over the page. */
  close(): void {
    if (this.side.classList.contains('open')) this.setOpen(false);
  }

  private get listed(): readonly Summary[] {
    return this.found ?? this.all ?? [];
  }

  private render(): void {
    const focused = this.list.contains(document.activeElement) ? document.activeElement : null;
    const id = focused?.closest('li')?.dataset.id;
    const groups = this.groups();
    this.list.replaceChildren(...groups, this.end);
    this.note.textContent = this.noteText();
    this.note.hidden = this.note.textContent === '';
    if (id === undefined) return;
    const row = this.list.querySelector<HTMLElement>(`li[data-id="${CSS.escape(id)}"]`);
    row?.querySelector<HTMLElement>(focused?.classList.contains('icon') ? '.icon' : '.chat')?.focus();
  }

  private noteText(): string {
    if (this.searching) return words.searching;
    if (this.found) return this.found.length === 0 ? words.nothingFound : '';
    if (!this.all) return words.loadingChats;
    return this.all.length === 0 ? words.noChats : '';
  }

  private groups(): HTMLElement[] {
    const now = Date.now();
    const shown = this.found ? this.found : [...this.listed.filter(({ isPinned }) => isPinned), ...this.listed.filter(({ isPinned }) => !isPinned)];
    const groups: { label: string; rows: HTMLElement[] }[] = [];
    for (const chat of shown.slice(0, this.rows)) {
      const label = this.found ? words.found : chat.isPinned ? words.pinned : ageOf(chat.updated, now);
      const row = this.row(chat, chat.id === this.current, this.busy.has(chat.id));
      if (groups.at(-1)?.label === label) groups.at(-1)?.rows.push(row);
      else groups.push({ label, rows: [row] });
    }
    return groups.map(({ label, rows }) => el('section', { 'aria-label': label }, el('h2', {}, label), el('ul', {}, ...rows)));
  }

  private row(chat: Summary, isCurrent: boolean, isBusy: boolean): HTMLElement {
    const title = chat.title || words.newChat;
    const open = el('button', { type: 'button', class: 'chat', dir: 'auto', 'aria-current': isCurrent && 'page', title },
      title, isBusy && el('span', { class: 'pulse', role: 'img', 'aria-label': words.answerIsComing }));
    open.addEventListener('click', () => {
      this.open(chat.id);
      this.close();
    });
    const more = el('button', { type: 'button', class: 'icon', 'aria-label': words.moreFor(title), 'aria-haspopup': true }, icon('more'));
    more.addEventListener('click', () => this.menu.open(more, [
      { label: words.rename, action: 'rename', act: this.does((actions) => actions.rename(chat.id)) },
      { label: chat.isPinned ? words.unpin : words.pin, action: 'pin', act: this.does((actions) => actions.pin(chat.id)) },
      { label: words.exportMarkdown, action: 'save', act: this.does((actions) => actions.exportMarkdown(chat.id)) },
      { label: words.exportJson, action: 'save-json', act: this.does((actions) => actions.exportJson(chat.id)) },
      { label: words.delete, action: 'remove', act: this.does((actions) => actions.remove(chat.id)) },
    ]));
    return el('li', { 'data-id': chat.id }, open, more);
  }

  private setUpAllMenu(): void {
    const button = byId('all-chats', HTMLButtonElement);
    const file = byId('import-file', HTMLInputElement);
    const menu = new Menu(this.side, 'all-menu', words.allChats);
    button.addEventListener('click', () => menu.open(button, [
      { label: words.importChats, action: 'import', act: () => file.click() },
      { label: words.exportAllJson, action: 'export-all', act: this.does((actions) => actions.exportAll('json')) },
      { label: words.exportAllMarkdown, action: 'export-all-markdown', act: this.does((actions) => actions.exportAll('markdown')) },
      { label: words.deleteAllMenu, action: 'remove-all', act: this.does((actions) => actions.removeAll()) },
    ]));
    file.addEventListener('change', () => {
      const [chosen] = file.files ?? [];
      if (chosen) this.does((actions) => actions.import(chosen))();
      file.value = '';
    });
  }

  /** Fetches what the menus do, once. */
  async prepare(): Promise<ChatActions> {
    return (this.actions ??= await this.fetchActions());
  }

  /** At once where it is there: what a person types next is meant for what opens. */
  private does(what: (actions: ChatActions) => void): () => void {
    return () => (this.actions ? what(this.actions) : void this.prepare().then(what));
  }

  /** Titles are found at once, texts after a moment. */
  private searched(): void {
    this.searching?.abort();
    this.searching = undefined;
    const wanted = foldedForSearch(this.search.value).split(/\s+/).filter(Boolean);
    this.rows = ROWS;
    if (wanted.length === 0) {
      this.found = null;
      return this.render();
    }
    const inTitle = (this.all ?? []).filter(({ title }) => wanted.every((word) => foldedForSearch(title).includes(word)));
    const known = new Set(inTitle.map(({ id }) => id));
    this.found = inTitle;
    const aborter = new AbortController();
    this.searching = aborter;
    this.render();
    setTimeout(() => {
      if (aborter.signal.aborted) return;
      void this.find(wanted, aborter.signal, (found) => {
        if (aborter.signal.aborted) return;
        this.found?.push(...found.filter(({ id }) => !known.has(id)));
        this.render();
      }).then(() => {
        if (aborter.signal.aborted) return;
        this.searching = undefined;
        this.render();
        say(words.foundChats(this.found?.length ?? 0));
      });
    }, SEARCH_AFTER_MS);
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
