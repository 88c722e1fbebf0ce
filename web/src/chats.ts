/** The conversations of this browser as they are now: shown, running or stored; and the answers that are coming. */
import { isOpen } from './answer';
import type { StoredImage } from './attachment';
import { afterReload, type Conversation, dropFailedTry, type Turn } from './conversation';
import { type Asking, type Backend, Exchange } from './exchange';
import type { Store, Summary } from './store';
import { Tabs } from './tabs';

const SAVE_EVERY_MS = 1_500;

/** What the page hears of them. */
export interface ChatEvents {
  /** An answer of this conversation grew. */
  progressed(conversation: Conversation): void;
  /** The answer ended; `turn` may have given way to the good one that it was to replace. */
  ended(conversation: Conversation): void;
  /** Another tab changed it, or it is gone. */
  changedElsewhere(id: string): void;
  /** Something of the list is different. */
  listChanged(): void;
}

interface Running {
  conversation: Conversation;
  exchange: Exchange;
}

/** What was deleted, whole, so that it can come back. */
export interface Deleted {
  conversations: Conversation[];
  images: StoredImage[];
}

/** Keeps them, and asks. */
export class Chats {
  private readonly backend: Backend;
  private readonly store: Store;
  private readonly events: ChatEvents;
  /** By conversation: switching to another one does not end an answer. */
  private readonly running = new Map<string, Running>();
  private readonly tabs: Tabs;

  constructor(backend: Backend, store: Store, events: ChatEvents) {
    this.backend = backend;
    this.store = store;
    this.events = events;
    this.tabs = new Tabs((id) => events.changedElsewhere(id), (id) => this.stopHere(id));
    addEventListener('pagehide', () => this.keepAll());
    // Phones end a page in the background without another word.
    document.addEventListener('visibilitychange', () => document.hidden && this.keepAll());
  }

  /** All of them, the latest first. */
  list(): Promise<Summary[]> {
    return this.store.list();
  }

  /** Those that an answer comes to this tab for. */
  busy(): ReadonlySet<string> {
    return new Set(this.running.keys());
  }

  /** The exchange of this conversation's answer, while it comes to this tab. */
  exchangeOf(id: string): Exchange | undefined {
    return this.running.get(id)?.exchange;
  }

  /** A conversation as it is now. An answer that is open and comes to no tab has been interrupted. */
  async find(id: string): Promise<Conversation | undefined> {
    const running = this.running.get(id);
    if (running) return running.conversation;
    const found = await this.store.load(id);
    if (!found?.turns.some(({ answer }) => isOpen(answer))) return found;
    if (await this.tabs.isHeld(id)) return found;
    // It may have ended between the two looks: an answer is held until it is stored.
    const latest = await this.store.load(id);
    return latest && afterReload(latest);
  }

  /** Keeps a changed conversation. */
  async keep(conversation: Conversation): Promise<void> {
    await this.save(conversation);
    this.events.listChanged();
  }

  /** Asks for the answer of this turn. `asking` may take a while: images are read from the store. */
  ask(conversation: Conversation, turn: Turn, asking: Promise<Asking>): void {
    conversation.updated = Date.now();
    let savedAt = performance.now();
    const exchange = new Exchange(turn.answer, () => {
      this.events.progressed(conversation);
      if (performance.now() - savedAt < SAVE_EVERY_MS || !this.running.has(conversation.id)) return;
      savedAt = performance.now();
      // In the list nothing changes: it is not built anew under somebody's hand.
      void this.save(conversation);
    });
    this.running.set(conversation.id, { conversation, exchange });
    const run = exchange.run(this.backend, asking).then(() => this.ended(conversation, exchange, turn));
    // Before the first save, which the other tabs hear of.
    this.tabs.hold(conversation.id, run);
    void this.keep(conversation);
  }

  /** Ends the answer of this conversation, be it to this tab or to another one. What came is kept. */
  stop(id: string): void {
    if (!this.stopHere(id)) this.tabs.tell({ stop: id });
  }

  /** Lets go of the answer, as another one takes its place: nothing more is heard of it. */
  abandon(id: string): void {
    this.running.get(id)?.exchange.stop();
    this.running.delete(id);
  }

  /** Deletes conversations; what they were can be put back by `putBack`. */
  async remove(ids: readonly string[]): Promise<Deleted> {
    const deleted: Deleted = { conversations: [], images: [] };
    for (const id of ids) {
      const conversation = await this.find(id);
      this.abandon(id);
      if (conversation) deleted.conversations.push(afterReload(conversation));
      deleted.images.push(...(await this.store.imagesOf(id)));
      await this.store.remove(id);
      this.tabs.tell({ changed: id });
    }
    this.events.listChanged();
    return deleted;
  }

  /** Stores conversations with their images: deleted ones that come back, or imported ones. */
  async putBack({ conversations, images }: Deleted): Promise<void> {
    await this.store.saveImages(images);
    for (const conversation of conversations) await this.save(conversation);
    this.events.listChanged();
  }

  /** The page may go, and with it whatever takes longer than a moment. */
  private keepAll(): void {
    for (const { conversation } of this.running.values()) void this.save(conversation);
    this.store.keepUnsaved();
  }

  private async save(conversation: Conversation): Promise<void> {
    await this.store.save(conversation);
    this.tabs.tell({ changed: conversation.id });
  }

  /** False if no answer comes to this tab for this conversation. */
  private stopHere(id: string): boolean {
    const running = this.running.get(id);
    if (!running) return false;
    running.exchange.stop();
    const turn = running.conversation.turns.find(({ answer }) => answer === running.exchange.answer);
    // Not to wait for the request, which may hang before it can be aborted.
    if (turn) void this.ended(running.conversation, running.exchange, turn);
    return true;
  }

  private async ended(conversation: Conversation, exchange: Exchange, turn: Turn): Promise<void> {
    if (this.running.get(conversation.id)?.exchange !== exchange) return;
    this.running.delete(conversation.id);
    conversation.updated = Date.now();
    dropFailedTry(conversation, turn);
    this.events.ended(conversation);
    await this.keep(conversation);
  }
}
