/** The page: which conversation is shown, and what a click does. */
import { emptyAnswer, isOpen } from './answer';
import { Chats } from './chats';
import {
  addTurn, type Conversation, dropTurn, looksLike, newConversation, pathOf, plainQuestion, type Question, showVersion, titleFrom, type Turn, versionsOf,
} from './conversation';
import { byId } from './element';
import { manageChats } from './manage';
import { remember, remembered } from './memory';
import { countingTurns, newestThatFit, plan, roomFor } from './messages';
import { type Limits, type Model, NO_LIMITS } from './offer';
import { outgoing } from './outgoing';
import { type Known, modelOf, placeOf, type TurnSource } from './place';
import type { Session } from './session';
import { Store, type Trouble } from './store';
import { claim, leaveUnclaimed } from './unclaimed';
import { Announcer, say } from './view/announce';
import { Attachments } from './view/attachments';
import { Choice } from './view/choice';
import { Composer } from './view/composer';
import { copyAnswer, copyText } from './view/copy';
import { editQuestion, isBeingEdited } from './view/edit';
import { Follow } from './view/follow';
import { Frames } from './view/frames';
import type { Act, VersionAct } from './view/notice';
import { Room } from './view/room';
import { Sidebar } from './view/sidebar';
import { toast } from './view/toast';
import { Transcript } from './view/transcript';
import { neighbour } from './view/versions';
import { words } from './words';

const TICK_MS = 500;

/** Everything that a person can do here. */
export class App {
  private readonly session: Session;
  private readonly store: Store;
  private readonly chats: Chats;
  private conversation: Conversation = newConversation(Date.now());
  private path: Turn[] = [];
  private known: Known = { offer: null, canSignIn: false, canJudge: false, isSignedOut: false };
  /** What the page is called, where no chat is shown. */
  private name = words.appName;
  /** Counts what is shown: a conversation that was long in loading must not come over another one. */
  private shown = 0;
  /** A conversation that is being loaded to be shown. */
  private opening: Promise<void> | undefined;
  private readonly frames = new Frames(() => this.paint());
  private readonly announcer = new Announcer();
  private readonly follow: Follow;
  private readonly transcript: Transcript;
  private readonly attachments: Attachments;
  private readonly composer: Composer;
  private readonly choice: Choice;
  private readonly room: Room;
  private readonly sidebar: Sidebar;

  constructor(session: Session) {
    this.session = session;
    this.store = new Store(session.signInState().then(({ account }) => account), (trouble) => this.storeFailed(trouble));
    this.chats = new Chats(session, this.store, {
      progressed: (conversation) => conversation === this.conversation && this.frames.request(),
      ended: (conversation) => this.ended(conversation),
      changedElsewhere: (id) => void this.refreshList().then(() => this.showAnew(id)),
      listChanged: () => void this.refreshList(),
    });
    const scroller = byId('scroller', HTMLElement);
    const turns = byId('turns', HTMLElement);
    this.follow = new Follow(scroller, (follows) => {
      byId('to-end', HTMLElement).hidden = follows || this.path.length === 0;
    });
    this.transcript = new Transcript(scroller, turns, (turn) => this.sourceOf(turn), () => this.frames.request(true));
    this.attachments = new Attachments(byId('composer', HTMLElement));
    this.composer = new Composer(this.attachments, (question) => this.send(question), () => this.stop(), () => this.showRoom());
    this.choice = new Choice((chosen) => this.choose(chosen));
    this.room = new Room(() => this.goOnWithNewest());
    this.sidebar = new Sidebar(manageChats(this.chats, this.store, {
      open: (id) => {
        if (location.hash.slice(1) === id) void this.openFromAddress();
        else location.hash = id;
      },
      find: async (id) => (this.conversation.id === id ? this.conversation : this.chats.find(id)),
      changed: async (conversation) => {
        await this.chats.keep(conversation);
        if (conversation.id === this.conversation.id) this.conversation.title = conversation.title;
        this.showTitle();
      },
      gone: (ids) => ids.includes(this.conversation.id) && this.startNew(),
    }), (wanted, signal, onFound) => this.store.search(wanted, signal, onFound));
    turns.addEventListener('click', (event) => this.clicked(event));
    for (const id of ['new-chat', 'new-chat-small']) byId(id, HTMLElement).addEventListener('click', () => this.startNew());
    byId('to-end', HTMLElement).addEventListener('click', () => this.follow.resume());
    addEventListener('keydown', (event) => event.key === 'Escape' && !document.querySelector('dialog[open], :popover-open') && this.stop());
    addEventListener('hashchange', () => void this.openFromAddress());
    setInterval(() => this.tick(), TICK_MS);
    void this.learn();
  }

  /** Shows what the address names, or an empty start. */
  openFromAddress(): Promise<void> {
    const opening = this.openAddressed().finally(() => {
      if (this.opening === opening) this.opening = undefined;
    });
    this.opening = opening;
    return opening;
  }


  private async openAddressed(): Promise<void> {
    const id = addressed();
    const before = this.shown;
    // What is typed while a conversation loads is meant for it; and what was typed before is there at once.
    this.composer.open(id || 'new');
    const found = id ? await this.chats.find(id) : undefined;
    if (this.shown !== before) return void this.refreshList();
    const { text } = this.composer.question;
    this.show(found ?? this.fresh());
    if (!found) this.composer.putBack(text);
    void this.refreshList();
  }

  /** Begins a conversation, which is kept from its first question on. */
  startNew(): void {
    this.sidebar.close();
    if (location.hash) history.pushState(null, '', location.pathname);
    this.show(this.fresh());
    void this.refreshList();
    this.composer.focus();
  }

  /** Asks a new question in the conversation that is shown, or is about to be. */
  send(question: Question): void {
    if (this.opening) return void this.opening.then(() => this.send(question));
    // The chat that was awaited may turn out to be busy: what was asked is not lost.
    if (this.isBusy) return this.composer.putBack(question.text);
    this.ask(this.path.at(-1)?.id ?? null, question);
  }

  /** Ends the answer that is shown coming, be it to this tab or to another one. */
  stop(): void {
    if (this.isBusy) this.chats.stop(this.conversation.id);
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

  /** Whether the answer of the conversation that is shown still comes. */
  private get isBusy(): boolean {
    const last = this.path.at(-1);
    return last !== undefined && isOpen(last.answer);
  }

  private get limits(): Limits {
    return this.known.offer?.limits ?? NO_LIMITS;
  }

  private get model(): Model | null {
    return modelOf(this.conversation, this.known);
  }

  private fresh(): Conversation {
    return { ...newConversation(Date.now()), model: remembered('model'), effort: remembered('effort') };
  }

  /** What the service and its operator tell of themselves, when they have told it. */
  private async learn(): Promise<void> {
    const [{ kind }, config] = await Promise.all([this.session.signInState(), this.session.config.catch(() => null)]);
    const canSignIn = kind === 'needed' || kind === 'done' || kind === 'broken';
    this.known = { ...this.known, canSignIn, canJudge: config?.feedback ?? false, isSignedOut: kind === 'needed' };
    if (kind === 'done') await claim(this.chats);
    this.known = { ...this.known, offer: await this.session.offer() };
    this.showOffer();
    this.transcript.refresh();
  }

  private showOffer(): void {
    const { model, effort } = this.conversation;
    this.choice.show(this.known.offer, { model, effort });
    this.attachments.setOffer(this.model?.images ?? false, this.known.offer && this.limits);
    this.showRoom();
  }

  private choose({ model, effort }: { model: string | null; effort: string | null }): void {
    this.conversation.model = model;
    this.conversation.effort = effort;
    // The next new chat begins with it.
    remember('model', model);
    remember('effort', effort);
    this.showOffer();
    this.transcript.refresh();
    if (this.path.length > 0) void this.chats.keep(this.conversation);
  }

  /** Seconds go on while nothing comes; and a tab that an answer came to may be gone. */
  private tick(): void {
    if (!this.isBusy) return;
    this.frames.request();
    if (!this.chats.exchangeOf(this.conversation.id)) void this.showAnew(this.conversation.id);
  }

  private async showAnew(id: string): Promise<void> {
    const before = this.shown;
    if (id !== this.conversation.id || this.chats.exchangeOf(id) || this.path.length === 0) return;
    const found = await this.chats.find(id);
    if (this.shown !== before || this.chats.exchangeOf(id)) return;
    if (!found) return this.startNew();
    if (!looksLike(found, this.conversation)) this.show(found);
  }

  /** Puts a question behind a turn, or at the beginning, and asks it. */
  private ask(parent: string | null, question: Question): void {
    const { conversation } = this;
    if (conversation.turns.length === 0) {
      if (!conversation.isNamed) conversation.title = titleFrom(question);
      void this.store.persist();
      if (this.known.isSignedOut) leaveUnclaimed(conversation.id);
    }
    const turn = addTurn(conversation, parent, question, emptyAnswer());
    if (location.hash.slice(1) !== conversation.id) history.pushState(null, '', `#${conversation.id}`);
    if (conversation.turns.length === 1) this.composer.open(conversation.id);
    this.shown += 1;
    this.path = pathOf(conversation);
    const images = this.attachments.stored(question.images, conversation.id);
    const messages = outgoing(plan(this.counting, this.model?.images ?? false, this.limits), images, this.store);
    const chosen = this.choice.value;
    this.chats.ask(conversation, turn, messages.then((found) => ({ messages: found, ...chosen })));
    this.announcer.reset(undefined);
    this.showPath();
    this.follow.resume();
  }

  private get counting(): readonly Turn[] {
    return countingTurns(this.path, this.conversation.from);
  }

  private ended(conversation: Conversation): void {
    if (conversation !== this.conversation) return;
    this.path = pathOf(conversation);
    const last = this.path.at(-1);
    // The good answer is back in place of a try that failed: the failure was heard of, and is shown below it.
    if (last?.failedTry && !isOpen(last.answer)) this.announcer.failed(last.answer, last.failedTry);
    this.showPath();
  }

  /** Asks a turn's question anew, or another one in its place. What was answered stays as a version. */
  private askAgain(turn: Turn, question: Question): void {
    const { conversation } = this;
    if (this.isBusy && !this.chats.exchangeOf(conversation.id)) return; // It comes in another tab, which would write over this.
    this.chats.abandon(conversation.id);
    turn.failedTry = null;
    const isLost = !turn.answer.text.trim() && turn.text === question.text && !conversation.turns.some(({ parent }) => parent === turn.id);
    if (isLost) dropTurn(conversation, turn);
    if (conversation.from === turn.id) conversation.from = turn.parent;
    this.ask(turn.parent, question);
    this.composer.focus();
  }

  private show(conversation: Conversation): void {
    this.shown += 1;
    this.conversation = conversation;
    this.path = pathOf(conversation);
    this.composer.open(conversation.turns.length > 0 ? conversation.id : 'new');
    this.announcer.reset(this.path.at(-1)?.answer);
    this.showTitle();
    this.showOffer();
    this.showPath();
    if (this.path.length > 0) this.follow.resume();
    else this.follow.rest();
    for (const turn of this.path) if (isBeingEdited(turn.id)) void this.edit(turn);
  }

  /** Which turns are shown, or how they stand to each other, is different now. */
  private showPath(): void {
    this.showTitle();
    byId('empty', HTMLElement).hidden = this.path.length > 0;
    this.transcript.show(this.path);
    this.transcript.refresh();
    this.showRoom();
    this.paint();
  }

  private showTitle(): void {
    const title = this.path.length > 0 ? this.conversation.title || words.newChat : null;
    byId('title', HTMLElement).textContent = title ?? this.name;
    document.title = title ? `${title} · ${this.name}` : this.name;
  }

  private paint(): void {
    this.transcript.paint(this.chats.exchangeOf(this.conversation.id));
    this.composer.setBusy(this.isBusy);
    const last = this.path.at(-1);
    if (last) this.announcer.update(last.answer);
    this.follow.keep();
  }

  private showRoom(): void {
    if (this.path.length === 0 || this.isBusy) return this.room.show(0, null);
    const { share, left } = roomFor(this.composer.question, this.counting, this.model?.images ?? false, this.limits);
    this.room.show(share, left);
  }

  /** The older turns do not count any more. They stay, and can be read. */
  private goOnWithNewest(): void {
    const from = newestThatFit(this.counting, this.limits);
    if (!from) return;
    this.conversation.from = from;
    void this.chats.keep(this.conversation);
    this.showPath();
    say(words.olderLeftBehind(this.path.findIndex(({ id }) => id === from)));
    this.composer.focus();
  }

  private async refreshList(): Promise<void> {
    this.sidebar.show(await this.chats.list(), this.conversation.id, this.chats.busy());
  }

  private storeFailed(trouble: Trouble): void {
    if (trouble === 'not-kept') byId('storage-note', HTMLElement).textContent = words.keepsNothing;
    else toast(words.imagesDropped);
  }

  private sourceOf(turn: Turn): TurnSource {
    return {
      turn,
      place: () => placeOf(turn, this.path, this.conversation, this.known),
      imageUrl: async (id) => (await this.store.loadImages([id])).get(id)?.url ?? this.attachments.sentUrl(id),
    };
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
    switch (act) {
      case 'copy':
        return void copyAnswer(turn.answer.text, this.transcript.viewOf(turn)?.rendered ?? null, button);
      case 'copy-id':
        return void copyText(button.parentElement?.querySelector('code')?.textContent ?? '', button);
      case 'retry':
      case 'regenerate':
        return this.askAgain(turn, turn);
      case 'continue':
        return this.send(plainQuestion(words.goOn));
      case 'edit':
        return void this.edit(turn);
      case 'newest':
        this.goOnWithNewest();
        return this.askAgain(turn, turn);
      case 'dismiss':
        turn.failedTry = null;
        return this.changed();
      case 'new-chat':
        return this.startNew();
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
    const [side, of] = act.split('-') as ['older' | 'newer', 'answer' | 'question'];
    const versions = versionsOf(this.conversation, turn);
    const other = neighbour(of === 'answer' ? versions.answers : versions.questions, turn, of, side === 'older' ? -1 : 1);
    if (!other || (this.isBusy && turn === this.path.at(-1))) return;
    showVersion(this.conversation, other);
    this.path = pathOf(this.conversation);
    this.announcer.reset(this.path.at(-1)?.answer);
    this.changed();
    const element = this.transcript.viewOf(other)?.element;
    const button = (name: string) => element?.querySelector<HTMLElement>(`[data-act="${name}-${of}"]:enabled`);
    // Where there is nothing further on this side, the button of the other one.
    (button(side) ?? button(side === 'older' ? 'newer' : 'older'))?.focus();
  }

  private changed(): void {
    this.showPath();
    void this.chats.keep(this.conversation);
  }

  private async judge(turn: Turn, verdict: 'up' | 'down'): Promise<void> {
    const { requestId } = turn.answer;
    if (requestId === null || turn.verdict === verdict) return;
    try {
      await this.session.sendVerdict(requestId, verdict);
      turn.verdict = verdict;
      say(words.thanks);
      this.changed();
    } catch {
      toast(words.verdictFailed);
    }
  }

  private async edit(turn: Turn): Promise<void> {
    const view = this.transcript.viewOf(turn);
    if (!view || view.element.querySelector('.edit')) return;
    const text = await editQuestion(view.questionBox, turn.id, turn.text);
    if (text === null || !this.path.includes(turn)) return;
    this.askAgain(turn, { text, images: turn.images, files: turn.files });
  }
}

/** The conversation that the address names, if it does: on the way back from signing in, other things stand there. */
function addressed(): string {
  const named = location.hash.slice(1);
  return named.includes('=') ? '' : named;
}
