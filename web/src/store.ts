/**
 * Conversations in this browser, each person's apart. What was saved a moment ago is here at once, whenever the database takes
 * it; what it has not taken when the page goes stays in the tab. Where there is no database (private windows of some browsers, a full
 * disk) they live as long as the page does, and the page says so.
 */
import type { StoredImage } from './attachment';
import type { Conversation } from './conversation';
import { CONVERSATIONS, IMAGES, IMAGES_BY_AGE, IMAGES_BY_CHAT, restored, SUMMARIES, summaryOf, type Summary } from './database';
import { openNamed } from './opening';
import { forgetUnsaved, keepUnsaved, type Owner, unsaved } from './unsaved';

export type { Summary } from './database';

/** The page's name among others of its origin. */
const DATABASE = 'reasoning-chat';
/** How many conversations a search reads at once: between them the page can do other things. */
const SEARCH_BATCH = 40;

/** What does not fit into the store any more is told once. */
export type Trouble = 'not-kept' | 'images-dropped';

/** One that waits for the database; each save makes another of these, and only the latest one's end counts. */
interface Waiting {
  conversation: Conversation;
}

/** The conversations that are kept. */
export class Store {
  /** What the database has not taken, or not yet: as it is now, and later. */
  private readonly memory = new Map<string, Waiting>();
  private readonly images = new Map<string, StoredImage>();
  private readonly database: Promise<IDBDatabase | null>;
  private readonly onTrouble: (trouble: Trouble) => void;
  private owner: Owner;
  /** Over when what a page before this one left in the tab is here. */
  private readonly recovered: Promise<void>;

  /** `owner` is the account whose chats these are; null where all people of this browser are one. */
  constructor(owner: Promise<string | null>, onTrouble: (trouble: Trouble) => void) {
    this.onTrouble = onTrouble;
    this.database = openNamed(owner.then((found) => (found ? `${DATABASE} ${found}` : DATABASE))).catch(() => null);
    this.recovered = owner.then((found) => this.recover(found));
  }

  /** All of them, the latest first. */
  async list(): Promise<Summary[]> {
    const found = (await this.run<Summary[]>('readonly', (table) => table(SUMMARIES).getAll())) ?? [];
    await this.recovered;
    const others = [...this.memory.values()].map(({ conversation }) => summaryOf(conversation));
    const isOther = new Set(others.map(({ id }) => id));
    return [...found.filter(({ id }) => !isOther.has(id)), ...others].sort((a, b) => b.updated - a.updated);
  }

  /** One of them. */
  async load(id: string): Promise<Conversation | undefined> {
    await this.recovered;
    const kept = this.memory.get(id);
    if (kept) return structuredClone(kept.conversation);
    return restored(await this.run('readonly', (table) => table(CONVERSATIONS).get(id))) ?? undefined;
  }

  /** Keeps it, in place of what was kept of it before. Where it finds no room, the oldest images make some. */
  async save(conversation: Conversation): Promise<void> {
    const waiting = { conversation };
    this.memory.set(conversation.id, waiting);
    const isSaved = () => this.run('readwrite', (table) => {
      table(SUMMARIES).put(summaryOf(conversation));
      return table(CONVERSATIONS).put(conversation);
    });
    let saved = await isSaved();
    while (saved === null && (await this.dropOldestImages())) {
      this.onTrouble('images-dropped');
      saved = await isSaved();
    }
    if (saved === null) this.onTrouble('not-kept');
    else if (this.memory.get(conversation.id) === waiting) this.forget(conversation.id);
  }

  /** Before the page goes: what the database has not taken stays in the tab. */
  keepUnsaved(): void {
    keepUnsaved(this.owner, [...this.memory.values()].map(({ conversation }) => conversation));
  }

  /** Forgets it, with its images. */
  async remove(id: string): Promise<void> {
    this.forget(id);
    for (const image of this.images.values()) if (image.chat === id) this.images.delete(image.id);
    await this.run('readwrite', (table) => {
      const keys = table(IMAGES).index(IMAGES_BY_CHAT).getAllKeys(id);
      keys.onsuccess = () => keys.result.forEach((key) => table(IMAGES).delete(key));
      table(SUMMARIES).delete(id);
      return table(CONVERSATIONS).delete(id);
    });
  }

  /** Keeps images of a question. Those that find no room are there until the page goes. */
  async saveImages(images: readonly StoredImage[]): Promise<void> {
    if (images.length === 0) return;
    const saved = await this.run('readwrite', (table) => images.map((image) => table(IMAGES).put(image)).at(-1) as IDBRequest);
    if (saved !== null) return;
    for (const image of images) this.images.set(image.id, image);
    this.onTrouble('images-dropped');
  }

  /** The images with these ids, as far as they are still there. */
  async loadImages(ids: readonly string[]): Promise<Map<string, StoredImage>> {
    const found = new Map<string, StoredImage>();
    const missing = ids.filter((id) => {
      const image = this.images.get(id);
      if (image) found.set(id, image);
      return !image;
    });
    if (missing.length === 0) return found;
    await this.run('readonly', (table) => missing.map((id) => {
      const request = table(IMAGES).get(id);
      request.addEventListener('success', () => request.result && found.set(id, request.result as StoredImage));
      return request;
    }).at(-1) as IDBRequest);
    return found;
  }

  /** The images of one conversation. */
  async imagesOf(chat: string): Promise<StoredImage[]> {
    const stored = (await this.run<StoredImage[]>('readonly', (table) => table(IMAGES).index(IMAGES_BY_CHAT).getAll(chat))) ?? [];
    return [...stored, ...[...this.images.values()].filter((image) => image.chat === chat)];
  }

  /**
   * Conversations that hold all of these words, in their title, questions or answers, handed over as they are found. The
   * signal ends it.
   */
  async search(words: readonly string[], signal: AbortSignal, onFound: (found: Summary[]) => void): Promise<void> {
    const all = await this.list();
    for (let start = 0; start < all.length && !signal.aborted; start += SEARCH_BATCH) {
      const batch = all.slice(start, start + SEARCH_BATCH);
      const conversations = await Promise.all(batch.map(({ id }) => this.load(id)));
      if (signal.aborted) return;
      const found = batch.filter((summary, index) => {
        const conversation = conversations[index];
        return conversation && holdsAll(conversation, words) ? summary : null;
      });
      if (found.length > 0) onFound(found);
    }
  }

  /** Asks the browser not to throw the chats away when the disk fills up. It may say no. */
  async persist(): Promise<void> {
    await navigator.storage?.persist?.().catch(() => false);
  }

  /** Takes what the page before this one left. What another tab has stored of it since then is newer, and stays. */
  private async recover(owner: string | null): Promise<void> {
    const left = unsaved(owner).filter(({ id }) => !this.memory.has(id)).map((conversation) => ({ conversation }));
    for (const waiting of left) this.memory.set(waiting.conversation.id, waiting);
    this.owner = owner;
    this.keepUnsaved();
    forgetUnsaved(undefined);
    for (const waiting of left) void this.saveUnlessOlder(waiting);
  }

  private async saveUnlessOlder(waiting: Waiting): Promise<void> {
    const { id, updated } = waiting.conversation;
    const stored = restored(await this.run('readonly', (table) => table(CONVERSATIONS).get(id)));
    if (this.memory.get(id) !== waiting) return;
    if (stored && stored.updated > updated) this.forget(id);
    else await this.save(waiting.conversation);
  }

  /** It is in the database, or nowhere. */
  private forget(id: string): void {
    this.memory.delete(id);
    if (this.memory.size === 0) forgetUnsaved(this.owner);
  }

  /** Makes room: a tenth of the images, and at least one. False if there are none. */
  private async dropOldestImages(): Promise<boolean> {
    let dropped = 0;
    await this.run('readwrite', (table) => {
      const keys = table(IMAGES).index(IMAGES_BY_AGE).getAllKeys();
      keys.onsuccess = () => {
        const oldest = keys.result.slice(0, Math.ceil(keys.result.length / 10));
        dropped = oldest.length;
        oldest.forEach((key) => table(IMAGES).delete(key));
      };
      return keys;
    });
    return dropped > 0;
  }

  /** The result of the last request; null where there is no database that works, or no room in it. */
  private async run<Result>(mode: IDBTransactionMode, work: (table: (name: string) => IDBObjectStore) => IDBRequest): Promise<Result | null> {
    const database = await this.database;
    if (!database) {
      this.onTrouble('not-kept');
      return null;
    }
    try {
      return await new Promise<Result>((resolve, reject) => {
        const transaction = database.transaction([CONVERSATIONS, SUMMARIES, IMAGES], mode);
        const request = work((name) => transaction.objectStore(name));
        // What is read is there before the transaction is over, which the browser tells in a message of its own.
        if (mode === 'readonly') request.addEventListener('success', () => resolve(request.result as Result));
        else transaction.oncomplete = () => resolve(request.result as Result);
        transaction.onabort = () => reject(transaction.error ?? new Error('aborted'));
      });
    } catch {
      // A full disk, or a database that the browser took away.
      return null;
    }
  }
}

/** Without regard to case and to accents, as people type when they look for something. */
export function foldedForSearch(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}+/gu, '').toLowerCase();
}

function holdsAll({ title, turns }: Conversation, words: readonly string[]): boolean {
  const text = foldedForSearch([title, ...turns.flatMap((turn) => [turn.text, turn.answer.text])].join('\n'));
  return words.every((word) => text.includes(word));
}
