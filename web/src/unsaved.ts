/**
 * What the database has not taken yet when the page goes: a browser's first database may take seconds to open, and an answer
 * ends before that. The tab's own storage is there at once, and is the same after a reload.
 */
import type { Conversation } from './conversation';
import { restored } from './database';
import { remember, remembered } from './memory';

const NAME = 'unsaved';
/** Of what a browser gives a tab, two fifths: what is longer goes, the oldest first. */
const MAX_CHARS = 2_000_000;

/** Whose conversations these are: an account's, those of all people of this browser (null), or not known yet. */
export type Owner = string | null | undefined;

/** Keeps these, in place of those that were kept before for the same owner; but beside those that no page could look at yet. */
export function keepUnsaved(owner: Owner, conversations: readonly Conversation[]): void {
  const older = owner === undefined ? read(undefined).filter(({ id }) => conversations.every((other) => other.id !== id)) : [];
  const latestFirst = [...conversations, ...older].sort((a, b) => b.updated - a.updated);
  const kept: string[] = [];
  let room = MAX_CHARS;
  for (const conversation of latestFirst) {
    const record = JSON.stringify(conversation);
    if (record.length > room) continue;
    kept.push(record);
    room -= record.length;
  }
  remember(placeOf(owner), kept.length > 0 ? `[${kept.join()}]` : null, true);
}

/** Those that were kept for this owner, and those of the time before anybody knew whose they were. */
export function unsaved(owner: string | null): Conversation[] {
  return [...read(undefined), ...read(owner)];
}

/** They are kept elsewhere now. */
export function forgetUnsaved(owner: Owner): void {
  remember(placeOf(owner), null, true);
}

function read(owner: Owner): Conversation[] {
  try {
    const records: unknown = JSON.parse(remembered(placeOf(owner), true) ?? '[]');
    return Array.isArray(records) ? records.map(restored).filter((conversation) => conversation !== null) : [];
  } catch {
    return []; // Somebody else wrote it.
  }
}

function placeOf(owner: Owner): string {
  return owner === undefined ? `${NAME}?` : `${NAME} ${owner ?? ''}`;
}
