/** The browser's database: its tables, and how records of older editions of this page become today's. */
import { type Answer, emptyAnswer } from './answer';
import type { Conversation, Turn } from './conversation';

/** Conversations by id. */
export const CONVERSATIONS = 'conversations';
/** What the list shows of each: reading a thousand of these takes less than reading one long conversation. */
export const SUMMARIES = 'summaries';
/** Images of questions, by id, with an index by chat and one by age. */
export const IMAGES = 'images';
export const IMAGES_BY_CHAT = 'by-chat';
export const IMAGES_BY_AGE = 'by-age';

/** What the list shows. */
export interface Summary {
  id: string;
  title: string;
  updated: number;
  isPinned: boolean;
}

/** The summary of a conversation. */
export function summaryOf({ id, title, updated, isPinned }: Conversation): Summary {
  return { id, title, updated, isPinned };
}

/** A database of this page; `name` tells one person's chats from another's. Rejects where the browser has none. */
export function openDatabase(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    // Version 1 had conversations, version 2 an index over them; version 3 has versions of turns, summaries and images.
    const request = indexedDB.open(name, 3);
    request.onupgradeneeded = ({ oldVersion }) => {
      const { result: database, transaction } = request;
      database.createObjectStore(SUMMARIES, { keyPath: 'id' });
      const images = database.createObjectStore(IMAGES, { keyPath: 'id' });
      images.createIndex(IMAGES_BY_CHAT, 'chat');
      images.createIndex(IMAGES_BY_AGE, 'added');
      if (oldVersion < 1) database.createObjectStore(CONVERSATIONS, { keyPath: 'id' });
      else if (transaction) bringUp(transaction);
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

/** Rewrites what older versions stored. */
function bringUp(transaction: IDBTransaction): void {
  const conversations = transaction.objectStore(CONVERSATIONS);
  for (const index of conversations.indexNames) conversations.deleteIndex(index);
  const summaries = transaction.objectStore(SUMMARIES);
  const cursor = conversations.openCursor();
  cursor.onsuccess = () => {
    if (!cursor.result) return;
    const conversation = restored(cursor.result.value);
    if (conversation) {
      cursor.result.update(conversation);
      summaries.put(summaryOf(conversation));
    }
    cursor.result.continue();
  };
}

type Old = Omit<Partial<Turn>, 'answer'> & { question?: unknown; answer?: Partial<Answer> };

/**
 * A record as today's conversation, whichever edition wrote it, or a file that somebody imports: what is missing gets its
 * default, what is of the wrong type is refused. Null if it is no conversation.
 */
export function restored(value: unknown): Conversation | null {
  const record = value as Partial<Conversation> | null;
  if (typeof record !== 'object' || record === null || typeof record.id !== 'string' || !Array.isArray(record.turns)) return null;
  const turns: Turn[] = [];
  for (const old of record.turns as (Old | null)[]) {
    const words = old?.text ?? old?.question;
    if (!old || typeof words !== 'string' || typeof old.answer !== 'object' || typeof old.answer.text !== 'string') return null;
    turns.push({
      id: typeof old.id === 'string' ? old.id : crypto.randomUUID(),
      // Older records were a list: each turn follows the one before it.
      parent: old.parent !== undefined ? old.parent : (turns.at(-1)?.id ?? null),
      text: words,
      images: list(old.images).filter((image) => typeof image?.id === 'string'),
      files: list(old.files).filter((file) => typeof file?.text === 'string' && typeof file.name === 'string'),
      answer: { ...emptyAnswer(), ...old.answer, thoughts: String(old.answer.thoughts ?? '') },
      failedTry: old.failedTry ?? null,
      verdict: old.verdict ?? null,
    });
  }
  const time = (number: unknown) => (typeof number === 'number' && Number.isFinite(number) ? number : Date.now());
  return {
    id: record.id, title: typeof record.title === 'string' ? record.title : '', isNamed: record.isNamed === true, isPinned: record.isPinned === true,
    created: time(record.created), updated: time(record.updated), turns,
    shown: typeof record.shown === 'object' && record.shown !== null ? record.shown : {},
    from: record.from ?? null, model: record.model ?? null, effort: record.effort ?? null,
  };
}

function list<Item>(value: Item[] | undefined): Item[] {
  return Array.isArray(value) ? value : [];
}
