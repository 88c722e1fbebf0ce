/**
 * Conversations in this browser's IndexedDB. Where there is none (private windows of some browsers, a full disk) they live
 * as long as the page does, and the page says so.
 */
import type { Conversation } from './conversation';

/** What the list shows. */
export type Summary = Pick<Conversation, 'id' | 'title' | 'updated'>;

const DATABASE = 'reasoning-chat';
const TABLE = 'conversations';
/** Its keys are all that the list needs: conversations themselves are read when they are opened. */
const INDEX = 'by-update';

/** The conversations that are kept. */
export class Store {
  private readonly memory = new Map<string, Conversation>();
  private database: Promise<IDBDatabase | null> | undefined;
  /** Whether conversations outlive the page. */
  isLasting = true;

  /** All of them, the latest first. */
  async list(): Promise<Summary[]> {
    const found: Summary[] = [];
    await this.run('readonly', (table) => {
      const cursor = table.index(INDEX).openKeyCursor(null, 'prev');
      cursor.onsuccess = () => {
        if (!cursor.result) return;
        const [updated, title] = cursor.result.key as [number, string];
        found.push({ id: cursor.result.primaryKey as string, title, updated });
        cursor.result.continue();
      };
      return cursor;
    });
    const known = new Set(found.map(({ id }) => id));
    const others = [...this.memory.values()].filter(({ id }) => !known.has(id)).map(({ id, title, updated }) => ({ id, title, updated }));
    return [...found, ...others].sort((a, b) => b.updated - a.updated);
  }

  /** One of them. */
  async load(id: string): Promise<Conversation | undefined> {
    return this.memory.get(id) ?? (await this.run<Conversation | undefined>('readonly', (table) => table.get(id))) ?? undefined;
  }

  /** Keeps it, in place of what was kept of it before. */
  async save(conversation: Conversation): Promise<void> {
    const saved = await this.run('readwrite', (table) => table.put(conversation));
    if (saved === null) this.memory.set(conversation.id, structuredClone(conversation));
    else this.memory.delete(conversation.id);
  }

  /** Forgets it. */
  async remove(id: string): Promise<void> {
    this.memory.delete(id);
    await this.run('readwrite', (table) => table.delete(id));
  }

  /** The result, or null where there is no database that works. */
  private async run<Result>(mode: IDBTransactionMode, work: (table: IDBObjectStore) => IDBRequest): Promise<Result | null> {
    this.database ??= open().catch(() => null);
    const database = await this.database;
    if (database) {
      try {
        return await new Promise<Result>((resolve, reject) => {
          const transaction = database.transaction(TABLE, mode);
          const request = work(transaction.objectStore(TABLE));
          transaction.oncomplete = () => resolve(request.result as Result);
          transaction.onabort = () => reject(transaction.error ?? new Error('aborted'));
        });
      } catch {
        // Falls through: a full disk, or a database that the browser took away.
      }
    }
    this.isLasting = false;
    return null;
  }
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    // Version 1 had no index.
    const request = indexedDB.open(DATABASE, 2);
    request.onupgradeneeded = ({ oldVersion }) => {
      const table = oldVersion < 1 ? request.result.createObjectStore(TABLE, { keyPath: 'id' }) : request.transaction?.objectStore(TABLE);
      table?.createIndex(INDEX, ['updated', 'title']);
    };
    request.onsuccess = () => {
      // A newer page in another tab must not wait for this one.
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
    request.onerror = () => reject(request.error ?? new Error('no database'));
    request.onblocked = () => reject(new Error('blocked'));
  });
}
