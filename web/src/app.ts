/** The page: which conversation is shown, what is being answered, and what a click does. */
import { emptyAnswer, isOpen } from './answer';
import { afterReload, type Conversation, messagesFor, newConversation, titleFrom, type Turn } from './conversation';
import { byId } from './element';
import { Exchange } from './exchange';
import type { Session } from './session';
import type { Store } from './store';
import { Tabs } from './tabs';
import { Announcer } from './view/announce';
import { Composer } from './view/composer';
import { copy } from './view/copy';
import { editQuestion } from './view/edit';
import { Follow } from './view/follow';
import { Frames } from './view/frames';
import { manageChats } from './manage';
import type { Act } from './view/notice';
import { Sidebar } from './view/sidebar';
import { TurnView } from './view/turn';

const SAVE_EVERY_MS = 1_500;
const TICK_MS = 500;
const GO_ON = 'Go on where you stopped.';

/** Everything that a person can do here. */
export class App {
  private readonly session: Session;
  private readonly store: Store;
  private conversation: Conversation = newConversation(Date.now());
  private views: TurnView[] = [];
  /** Answers that are coming, by conversation: switching to another one does not end them. */
  private readonly running = new Map<string, { conversation: Conversation; exchange: Exchange }>();
  private readonly tabs = new Tabs((id) => void this.changedElsewhere(id), (id) => this.stopAnswer(id));
  /** Counts what is shown: a conversation that was long in loading must not come over another one. */
  private shown = 0;
  private readonly turns = byId('turns', HTMLElement);
  private readonly frames = new Frames(() => this.paint());
  private readonly announcer = new Announcer();
  private readonly follow = new Follow(byId('scroller', HTMLElement), (follows) => {
    byId('to-end', HTMLElement).hidden = follows || this.views.length === 0;
  });
  private readonly composer = new Composer((text) => this.send(text), () => this.stop());
  private readonly sidebar: Sidebar;

  constructor(session: Session, store: Store) {
    this.session = session;
    this.store = store;
    this.sidebar = new Sidebar(manageChats(this, store));
    this.turns.addEventListener('click', (event) => this.clicked(event));
    for (const id of ['new-chat', 'new-chat-small']) byId(id, HTMLElement).addEventListener('click', () => this.startNew());
    byId('to-end', HTMLElement).addEventListener('click', () => this.follow.resume());
    addEventListener('keydown', (event) => event.key === 'Escape' && !document.querySelector('dialog[open], :popover-open') && this.stop());
    addEventListener('hashchange', () => void this.openFromAddress());
    addEventListener('pagehide', () => this.running.forEach(({ conversation }) => void store.save(conversation)));
    setInterval(() => this.tick(), TICK_MS);
  }

  /** Shows what the address names, or an empty start. */
  async openFromAddress(): Promise<void> {
    const id = location.hash.slice(1);
    const before = this.shown;
    const found = id ? await this.settled(id) : undefined;
    if (this.shown === before) this.show(found ?? newConversation(Date.now()));
    await this.refreshList();
  }

  /** Begins a conversation, which is kept from its first question on. */
  startNew(): void {
    this.sidebar.close();
    if (location.hash) history.pushState(null, '', location.pathname);
    this.show(newConversation(Date.now()));
    void this.refreshList();
    this.composer.focus();
  }

  /** The conversation of this id as it is now, be it shown, running or stored. */
  async find(id: string): Promise<Conversation | undefined> {
    if (this.conversation.id === id) return this.conversation;
    return this.running.get(id)?.conversation ?? this.store.load(id);
  }

  /** Keeps a changed conversation and shows its title. */
  async keep(conversation: Conversation): Promise<void> {
    await this.save(conversation);
    this.showTitle();
    await this.refreshList();
  }

  /** Forgets a conversation, its answer too if one is coming. */
  async forget(id: string): Promise<void> {
    this.running.get(id)?.exchange.stop();
    this.running.delete(id);
    await this.store.remove(id);
    this.tabs.tell({ changed: id });
    if (this.conversation.id === id) this.startNew();
    else await this.refreshList();
  }

  /** Asks a new question in the conversation that is shown. */
  send(text: string): void {
    if (!this.isBusy) this.answerTurn({ question: text, answer: emptyAnswer() });
  }

  /** Ends the answer that is shown coming, be it to this tab or to another one. */
  stop(): void {
    if (!this.isBusy) return;
    const { id } = this.conversation;
    if (!this.stopAnswer(id)) this.tabs.tell({ stop: id });
  }

  /** Whether the answer of the conversation that is shown still comes. */
  private get isBusy(): boolean {
    const last = this.conversation.turns.at(-1);
    return last !== undefined && isOpen(last.answer);
  }

  /** False if no answer comes to this tab for this conversation. */
  private stopAnswer(id: string): boolean {
    const running = this.running.get(id);
    if (!running) return false;
    running.exchange.stop();
    // Not to wait for the request, which may hang before it can be aborted.
    void this.ended(running.conversation, running.exchange);
    return true;
  }

  /** Seconds go on while nothing comes; and a tab that an answer came to may be gone. */
  private tick(): void {
    if (!this.isBusy) return;
    this.frames.request();
    if (!this.running.has(this.conversation.id)) void this.showAnew(this.conversation.id);
  }

  private async changedElsewhere(id: string): Promise<void> {
    await this.refreshList();
    await this.showAnew(id);
  }

  private async showAnew(id: string): Promise<void> {
    const before = this.shown;
    if (id !== this.conversation.id || this.running.has(id) || !this.store.isLasting) return;
    const found = await this.settled(id);
    if (this.shown !== before || this.running.has(id)) return;
    if (!found) return this.startNew();
    if (!looksLike(found, this.conversation)) this.show(found);
  }

  /** A conversation as it is now. An answer that is open and comes to no tab has been interrupted. */
  private async settled(id: string): Promise<Conversation | undefined> {
    const running = this.running.get(id);
    if (running) return running.conversation;
    const isHeld = await this.tabs.isHeld(id);
    const found = await this.store.load(id);
    return found && !isHeld ? afterReload(found) : found;
  }

  private async save(conversation: Conversation): Promise<void> {
    await this.store.save(conversation);
    this.tabs.tell({ changed: conversation.id });
  }

  /** Puts the turn behind the others and asks. */
  private answerTurn(turn: Turn): void {
    const { conversation } = this;
    if (conversation.turns.length === 0 && !conversation.isNamed) conversation.title = titleFrom(turn.question);
    conversation.turns.push(turn);
    conversation.updated = Date.now();
    let savedAt = performance.now();
    const exchange = new Exchange(turn.answer, () => {
      if (this.conversation === conversation) this.frames.request();
      if (performance.now() - savedAt < SAVE_EVERY_MS || !this.running.has(conversation.id)) return;
      savedAt = performance.now();
      void this.save(conversation);
    });
    this.running.set(conversation.id, { conversation, exchange });
    if (location.hash.slice(1) !== conversation.id) history.pushState(null, '', `#${conversation.id}`);
    this.shown += 1;
    this.addView(turn);
    this.announcer.reset(undefined);
    this.composer.setBusy(true);
    this.follow.resume();
    this.frames.request();
    const run = exchange.run(this.session, messagesFor(conversation.turns)).then(() => this.ended(conversation, exchange));
    // Before the first save, which the other tabs hear of.
    this.tabs.hold(conversation.id, run);
    void this.keep(conversation);
  }

  private async ended(conversation: Conversation, exchange: Exchange): Promise<void> {
    if (this.running.get(conversation.id)?.exchange !== exchange) return;
    this.running.delete(conversation.id);
    conversation.updated = Date.now();
    this.frames.request(true);
    await this.keep(conversation);
  }

  /** Asks the last turns anew, from this one on, with this question. */
  private resend(index: number, question: string): void {
    const { id } = this.conversation;
    if (this.isBusy && !this.running.has(id)) return; // It comes in another tab, which would write over this.
    this.running.get(id)?.exchange.stop();
    this.running.delete(id);
    this.conversation.turns.length = index;
    for (const view of this.views.splice(index)) view.element.remove();
    this.answerTurn({ question, answer: emptyAnswer() });
  }

  private show(conversation: Conversation): void {
    this.shown += 1;
    this.conversation = conversation;
    this.views = [];
    this.turns.replaceChildren();
    for (const turn of conversation.turns) this.addView(turn);
    this.announcer.reset(conversation.turns.at(-1)?.answer);
    this.showTitle();
    this.paint();
    if (conversation.turns.length > 0) this.follow.resume();
    else this.follow.rest();
  }

  private showTitle(): void {
    const hasTurns = this.conversation.turns.length > 0;
    byId('title', HTMLElement).textContent = hasTurns ? this.conversation.title : 'Reasoning chat';
    document.title = hasTurns ? `${this.conversation.title} · Reasoning chat` : 'Reasoning chat';
  }

  private addView(turn: Turn): void {
    const view = new TurnView(turn, this.views.length + 1);
    this.views.push(view);
    this.turns.append(view.element);
  }

  /** Only the last turn can change; the one before it loses its tools when another one comes. */
  private paint(): void {
    const exchange = this.running.get(this.conversation.id)?.exchange;
    for (const [index, view] of this.views.entries()) {
      const isLast = index === this.views.length - 1;
      if (!view.update(isLast, isLast ? exchange : undefined)) this.frames.request(true);
    }
    const last = this.conversation.turns.at(-1);
    byId('empty', HTMLElement).hidden = last !== undefined;
    this.composer.setBusy(this.isBusy);
    if (last) this.announcer.update(last.answer);
    this.follow.keep();
  }

  private async refreshList(): Promise<void> {
    this.sidebar.show(await this.store.list(), this.conversation.id, new Set(this.running.keys()));
    if (!this.store.isLasting) byId('storage-note', HTMLElement).textContent = 'This browser keeps no chats: they are gone when you close the page.';
  }

  private clicked(event: Event): void {
    const button = event.target instanceof Element ? event.target.closest('button') : null;
    if (!button) return;
    if (button.hasAttribute('data-copy-code')) {
      void copy(button.closest('figure')?.querySelector('pre')?.textContent ?? '', button);
      return;
    }
    const act = button.dataset.act as Act | undefined;
    const index = this.views.findIndex((view) => view.element.contains(button));
    const turn = this.conversation.turns[index];
    if (act && turn) this.act(act, index, turn, button);
  }

  private act(act: Act, index: number, turn: Turn, button: HTMLElement): void {
    switch (act) {
      case 'copy':
        return void copy(turn.answer.text, button);
      case 'retry':
      case 'regenerate':
        this.resend(index, turn.question);
        return this.composer.focus();
      case 'continue':
        this.send(GO_ON);
        return this.composer.focus();
      case 'edit':
        return void this.edit(index, turn);
      case 'new-chat':
        return this.startNew();
      case 'sign-in':
        return void this.session.signIn();
    }
  }

  private async edit(index: number, turn: Turn): Promise<void> {
    const element = this.views[index]?.element;
    if (!element) return;
    const question = await editQuestion(element, turn.question, this.conversation.turns.length - 1 - index);
    if (question === null || this.conversation.turns[index] !== turn) return;
    this.resend(index, question);
    this.composer.focus();
  }
}

/** Whether two versions of a conversation look the same: it changes by turns, by how the last one stands, and by its title. */
function looksLike(one: Conversation, other: Conversation): boolean {
  const key = ({ title, turns }: Conversation) => JSON.stringify([title, turns.length, turns.at(-1)?.question, turns.at(-1)?.answer.state]);
  return key(one) === key(other);
}
