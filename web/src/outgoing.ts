/** The way of a question out: its new images into the store, and those of its chat out of it. */
import type { StoredImage } from './attachment';
import type { Message } from './ask';
import { messagesOf, type Planned } from './messages';
import type { Store } from './store';

/** The messages of a plan, with the images that the store has; `added` are those that come with the question. */
export async function outgoing(planned: readonly Planned[], added: readonly StoredImage[], store: Store): Promise<Message[]> {
  await store.saveImages(added);
  const urls = new Map(added.map(({ id, url }) => [id, url]));
  const missing = planned.flatMap(({ images }) => images.map(({ id }) => id)).filter((id) => !urls.has(id));
  for (const { id, url } of (await store.loadImages(missing)).values()) urls.set(id, url);
  return messagesOf(planned, (id) => urls.get(id));
}
