/** What the list of chats does with one of them, and with all. */
import type { Chats } from './chats';
import type { Conversation } from './conversation';
import type { Store } from './store';
import { askUser } from './view/dialog';
import type { ChatActions } from './view/sidebar';
import { toast } from './view/toast';
import { words } from './words';

/** What this needs of the page around it. */
export interface Around {
  /** Shows this conversation. */
  open(id: string): void;
  /** The conversation of this id, be it shown or not. */
  find(id: string): Promise<Conversation | undefined>;
  /** Its title or its place in the list changed. */
  changed(conversation: Conversation): Promise<void>;
  /** They are no more. */
  gone(ids: readonly string[]): void;
}

/** What makes files of chats and chats of files, loaded when somebody wants that. */
const transfer = () => import('./transfer');

/** The list's actions on this browser's conversations. */
export function manageChats(chats: Chats, store: Store, around: Around): ChatActions {
  const change = (how: (conversation: Conversation) => void | Promise<void>) => async (id: string) => {
    const conversation = await around.find(id);
    if (!conversation) return;
    await how(conversation);
    await around.changed(conversation);
  };
  const remove = async (ids: readonly string[], text: string) => {
    const deleted = await chats.remove(ids);
    around.gone(ids);
    toast(text, () => void chats.putBack(deleted).then(() => ids.length === 1 && ids[0] && around.open(ids[0])));
  };
  return {
    rename: change(async (conversation) => {
      const title = (await askUser({ title: words.renameChat, value: conversation.title, ok: words.rename }))?.trim();
      if (!title) return;
      conversation.title = title;
      conversation.isNamed = true;
    }),
    pin: change((conversation) => {
      conversation.isPinned = !conversation.isPinned;
    }),
    exportMarkdown: async (id) => {
      const conversation = await around.find(id);
      if (conversation) (await transfer()).saveMarkdown([conversation], conversation.title);
    },
    exportJson: async (id) => {
      const conversation = await around.find(id);
      if (conversation) (await transfer()).saveJson({ conversations: [conversation], images: await store.imagesOf(id) }, conversation.title);
    },
    remove: async (id) => {
      const conversation = await around.find(id);
      await remove([id], words.deleted(conversation?.title ?? ''));
    },
    exportAll: async (as) => {
      const all = await everything(chats, store);
      const { saveJson, saveMarkdown } = await transfer();
      const name = `${words.appName} ${new Date().toISOString().slice(0, 10)}`;
      if (as === 'json') saveJson(all, name);
      else saveMarkdown(all.conversations, name);
    },
    removeAll: async () => {
      const ids = (await chats.list()).map(({ id }) => id);
      const isSure = await askUser({ title: words.deleteAll, text: words.deleteAllText(ids.length), ok: words.delete, isDangerous: true });
      if (isSure !== null) await remove(ids, words.deletedAll(ids.length));
    },
    import: async (file) => {
      const found = await (await transfer()).readChats(file);
      if (!found || found.conversations.length === 0) return toast(words.nothingToImport);
      await chats.putBack(found);
      toast(words.imported(found.conversations.length));
    },
  };
}

async function everything(chats: Chats, store: Store) {
  const all = { conversations: [] as Conversation[], images: [] as Awaited<ReturnType<Store['imagesOf']>> };
  for (const { id } of await chats.list()) {
    const conversation = await chats.find(id);
    if (conversation) all.conversations.push(conversation);
    all.images.push(...(await store.imagesOf(id)));
  }
  return all;
}
