/** Chats of this tab that nobody was signed in for, though somebody could have been: they belong to who signs in then. */
import type { Chats } from './chats';
import { remember, remembered } from './memory';
import { Store } from './store';

const NAME = 'unclaimed';

/** This conversation is nobody's yet. */
export function leaveUnclaimed(id: string): void {
  remember(NAME, `${remembered(NAME, true) ?? ''} ${id}`, true);
}

/** Moves them to who is signed in now. */
export async function claim(chats: Chats): Promise<void> {
  const ids = (remembered(NAME, true) ?? '').split(' ').filter(Boolean);
  if (ids.length === 0) return;
  remember(NAME, null, true);
  const nobodys = new Store(Promise.resolve(null), () => {});
  for (const id of ids) {
    const conversation = await nobodys.load(id);
    if (!conversation) continue;
    await chats.putBack({ conversations: [conversation], images: await nobodys.imagesOf(id) });
    await nobodys.remove(id);
  }
}
