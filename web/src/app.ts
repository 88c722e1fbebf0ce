/** The page: which conversation is shown, what is asked in it, and what is painted of it. */
import { Acts } from './acts';
import { emptyAnswer, isOpen } from './answer';
import { Chats } from './chats';
import { addTurn, type Conversation, dropTurn, looksLike, type Question, titleFrom, type Turn } from './conversation';
import { byId } from './element';
import { plan } from './messages';
import { Offering } from './offering';
import { outgoing } from './outgoing';
import { placeOf, type TurnSource } from './place';
import type { Session } from './session';
import { fresh, Shown } from './shown';
import type { Store } from './store';
import { Announcer } from './view/announce';
import { Attachments } from './view/attachments';
import { Composer } from './view/composer';
import { isBeingEdited } from './view/edit';
import { Follow } from './view/follow';
import { Frames } from './view/frames';
import { type ChatActions, Sidebar } from './view/sidebar';
import { Transcript } from './view/transcript';
import { words } from './words';

const TICK_MS = 500;

/** Only where somebody can sign in. */
const unclaimed = () => import('./unclaimed');

/** Everything that a person can do here. */
export class App {
  private readonly store: Store;
  private readonly chats: Chats;
  private readonly shown = new Shown();
  /** What the page is called, where no chat is shown. */
  private name = words.appName;
  /** A conversation that is being loaded to be shown. */
  private opening: Promise<void> | undefined;
  private readonly frames = new Frames(() => this.paint());
  private readonly announcer = new Announcer();
  private readonly follow: Follow;
  private readonly transcript: Transcript;
  private readonly attachments: Attachments;
  private readonly composer: Composer;
  private readonly offering: Offering;
  private readonly acts: Acts;
  private readonly sidebar: Sidebar;

  constructor(session: Session, store: Store) {
    const { shown } = this;
    this.store = store;
    this.chats = new Chats(session, store, {
      progressed: (conversation) => conversation === shown.conversation && this.frames.request(),
      ended: (conversation) => this.ended(conversation),
      changedElsewhere: (id) => void this.refreshList().then(() => this.showAnew(id)),
      listChanged: () => void this.refreshList(),
    });
    const scroller = byId('scroller', HTMLElement);
    const turns = byId('turns', HTMLElement);
    this.follow = new Follow(scroller, (follows) => {
      byId('to-end', HTMLElement).hidden = follows || shown.path.length === 0;
    });
    this.transcript = new Transcript(scroller, turns, (turn) => this.sourceOf(turn), () => this.frames.request(true));
    this.attachments = new Attachments(byId('composer', HTMLElement));
    this.composer = new Composer(this.attachments, (question) => this.send(question), () => this.stop(), () => this.offering.showRoom());
    this.offering = new Offering(session, shown, this.attachments, {
      question: () => this.composer.question,
      signedIn: () => unclaimed().then(({ claim }) => claim(this.chats), () => {}),
      told: () => this.transcript.refresh(),
      changed: () => this.changed(),
      leftBehind: () => {
        this.changed();
        this.composer.focus();
      },
    });
    this.acts = new Acts(turns, shown, this.transcript, session, {
      send: (question) => this.send(question),
      askAgain: (turn, question) => this.askAgain(turn, question),
      goOnWithNewest: () => this.offering.goOnWithNewest(),
      startNew: () => this.startNew(),
      turnedTo: () => this.turnedTo(),
      changed: () => this.changed(),
    });
    this.sidebar = new Sidebar((id) => this.open(id), () => this.managed(), (wanted, signal, onFound) => this.store.search(wanted, signal, onFound));
    for (const id of ['new-chat', 'new-chat-small']) byId(id, HTMLElement).addEventListener('click', () => this.startNew());
    byId('to-end', HTMLElement).addEventListener('click', () => this.follow.resume());
    addEventListener('keydown', (event) => event.key === 'Escape' && !document.querySelector('dialog[open], :popover-open') && this.stop());
    addEventListener('hashchange', () => void this.openFromAddress());
    setInterval(() => this.tick(), TICK_MS);
    void this.offering.learn();
  }

  /** Shows what the address names, or an empty start. */
  openFromAddress(): Promise<void> {
    const opening = this.openAddressed().finally(() => {
      if (this.opening === opening) this.opening = undefined;
    });
    this.opening = opening;
    return opening;
  }

  /** Fetches what is not needed at the start. */
  async prepare(): Promise<void> {
    await this.sidebar.prepare();
  }

  /** Begins a conversation, which is kept from its first question on. */
  startNew(): void {
    this.sidebar.close();
    if (location.hash) history.pushState(null, '', location.pathname);
    this.show(fresh());
    void this.refreshList();
    this.composer.focus();
  }

  /** Asks a new question in the conversation that is shown, or is about to be. */
  send(question: Question): void {
    if (this.opening) return void this.opening.then(() => this.send(question));
    // The chat that was awaited may turn out to be busy: what was asked is not lost.
    if (this.shown.isBusy) return this.composer.putBack(question.text);
    this.ask(this.shown.last?.id ?? null, question);
  }

  /** Ends the answer that is shown coming, be it to this tab or to another one. */
  stop(): void {
    if (this.shown.isBusy) this.chats.stop(this.shown.conversation.id);
  }

  /** Renders all of the conversation, for paper. */
  async renderAll(): Promise<void> {
    await this.transcript.wakeAll();
  }

  /** What this chat is called where the operator gave it a name. */
  setName(name: string): void {
    this.name = name;
    this.showTitle();
  }

  /** What the list's menus do. */
  private async managed(): Promise<ChatActions> {
    const { shown } = this;
    const { manageChats } = await import('./manage');
    return manageChats(this.chats, this.store, {
      open: (id) => this.open(id),
      find: async (id) => (shown.conversation.id === id ? shown.conversation : this.chats.find(id)),
      changed: async (conversation) => {
        await this.chats.keep(conversation);
        if (conversation.id === shown.conversation.id) shown.conversation.title = conversation.title;
        this.showTitle();
      },
      gone: (ids) => ids.includes(shown.conversation.id) && this.startNew(),
    });
  }

  private open(id: string): void {
    if (location.hash.slice(1) === id) void this.openFromAddress();
    else location.hash = id;
  }

  private async openAddressed(): Promise<void> {
    const id = addressed();
    const before = this.shown.count;
    // What is typed while a conversation loads is meant for it; and what was typed before is there at once.
    this.composer.open(id || 'new');
    const found = id ? await this.chats.find(id) : undefined;
    if (this.shown.count !== before) return void this.refreshList();
    const { text } = this.composer.question;
    this.show(found ?? fresh());
    if (!found) this.composer.putBack(text);
    void this.refreshList();
  }

  /** Seconds go on while nothing comes; and a tab that an answer came to may be gone. */
  private tick(): void {
    const { isBusy, conversation } = this.shown;
    if (!isBusy) return;
    this.frames.request();
    if (!this.chats.exchangeOf(conversation.id)) void this.showAnew(conversation.id);
  }

  private async showAnew(id: string): Promise<void> {
    const { shown } = this;
    const before = shown.count;
    if (id !== shown.conversation.id || this.chats.exchangeOf(id) || shown.path.length === 0) return;
    const found = await this.chats.find(id);
    if (shown.count !== before || this.chats.exchangeOf(id)) return;
    if (!found) return this.startNew();
    if (!looksLike(found, shown.conversation)) this.show(found);
  }

  /** Puts a question behind a turn, or at the beginning, and asks it. */
  private ask(parent: string | null, question: Question): void {
    const { shown } = this;
    const { conversation } = shown;
    if (conversation.turns.length === 0) {
      if (!conversation.isNamed) conversation.title = titleFrom(question);
      void this.store.persist();
      if (shown.known.isSignedOut) void unclaimed().then(({ leaveUnclaimed }) => leaveUnclaimed(conversation.id), () => {});
    }
    const turn = addTurn(conversation, parent, question, emptyAnswer());
    if (location.hash.slice(1) !== conversation.id) history.pushState(null, '', `#${conversation.id}`);
    if (conversation.turns.length === 1) this.composer.open(conversation.id);
    shown.show(conversation);
    const images = this.attachments.stored(question.images, conversation.id);
    const messages = outgoing(plan(shown.counting, shown.takesImages, shown.limits), images, this.store);
    const { chosen } = this.offering;
    this.chats.ask(conversation, turn, messages.then((found) => ({ messages: found, ...chosen })));
    this.announcer.reset(undefined);
    this.showPath();
    this.follow.resume();
  }

  /** Asks a turn's question anew, or another one in its place. What was answered stays as a version. */
  private askAgain(turn: Turn, question: Question): void {
    const { conversation, isBusy } = this.shown;
    if (isBusy && !this.chats.exchangeOf(conversation.id)) return; // It comes in another tab, which would write over this.
    this.chats.abandon(conversation.id);
    turn.failedTry = null;
    const isLost = !turn.answer.text.trim() && turn.text === question.text && !conversation.turns.some(({ parent }) => parent === turn.id);
    if (isLost) dropTurn(conversation, turn);
    if (conversation.from === turn.id) conversation.from = turn.parent;
    this.ask(turn.parent, question);
    this.composer.focus();
  }

  private ended(conversation: Conversation): void {
    if (conversation !== this.shown.conversation) return;
    this.shown.follow();
    const { last } = this.shown;
    // The good answer is back in place of a try that failed: the failure was heard of, and is shown below it.
    if (last?.failedTry && !isOpen(last.answer)) this.announcer.failed(last.answer, last.failedTry);
    this.showPath();
  }

  private turnedTo(): void {
    this.shown.follow();
    this.announcer.reset(this.shown.last?.answer);
    this.changed();
  }

  private changed(): void {
    this.showPath();
    void this.chats.keep(this.shown.conversation);
  }

  private show(conversation: Conversation): void {
    const { shown } = this;
    shown.show(conversation);
    this.composer.open(conversation.turns.length > 0 ? conversation.id : 'new');
    this.announcer.reset(shown.last?.answer);
    this.offering.show();
    this.showPath();
    if (shown.path.length > 0) this.follow.resume();
    else this.follow.rest();
    for (const turn of shown.path) if (isBeingEdited(turn.id)) void this.acts.edit(turn);
  }

  /** Which turns are shown, or how they stand to each other, is different now. */
  private showPath(): void {
    const { path } = this.shown;
    this.showTitle();
    byId('empty', HTMLElement).hidden = path.length > 0;
    this.transcript.show(path);
    this.transcript.refresh();
    this.offering.showRoom();
    this.paint();
  }

  private showTitle(): void {
    const { path, conversation } = this.shown;
    const title = path.length > 0 ? conversation.title || words.newChat : null;
    byId('title', HTMLElement).textContent = title ?? this.name;
    document.title = title ? `${title} · ${this.name}` : this.name;
  }

  private paint(): void {
    const { conversation, isBusy, last } = this.shown;
    this.transcript.paint(this.chats.exchangeOf(conversation.id));
    this.composer.setBusy(isBusy);
    if (last) this.announcer.update(last.answer);
    this.follow.keep();
  }

  private async refreshList(): Promise<void> {
    this.sidebar.show(await this.chats.list(), this.shown.conversation.id, this.chats.busy());
  }

  private sourceOf(turn: Turn): TurnSource {
    const { shown } = this;
    return {
      turn,
      place: () => placeOf(turn, shown.path, shown.conversation, shown.known),
      imageUrl: async (id) => (await this.store.loadImages([id])).get(id)?.url ?? this.attachments.sentUrl(id),
    };
  }
}

/** The conversation that the address names, if it does: on the way back from signing in, other things stand there. */
function addressed(): string {
  const named = location.hash.slice(1);
  return named.includes('=') ? '' : named;
}
