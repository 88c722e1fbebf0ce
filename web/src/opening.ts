/**
 * Opening the database before it is known whose chats are to be shown. Most often they are those of last time, and opening takes
 * about as long as finding that out. Until it is known nothing is read.
 */
import { openDatabase } from './database';
import { remember, remembered } from './memory';

const LAST = 'database';

/** Opens the database whose name is being found out; meanwhile the one that was open last time, in case it is the same. */
export async function openNamed(name: Promise<string>): Promise<IDBDatabase> {
  const last = remembered(LAST);
  const early = last === null ? null : openDatabase(last);
  // Of one that nobody wants any more it does not matter that it cannot be opened.
  early?.catch(() => {});
  const wanted = await name;
  if (early && wanted === last) return early;
  void early?.then((database) => database.close(), () => {});
  remember(LAST, wanted);
  return openDatabase(wanted);
}
