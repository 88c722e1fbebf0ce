/** What the list of chats does with one of them. */
import type { App } from './app';
import { fileNameFor, toMarkdown } from './conversation';
import { el } from './element';
import type { Store } from './store';
import type { ChatActions } from './view/sidebar';
import { askUser } from './view/dialog';

/** The list's actions on this page's conversations. */
export function manageChats(app: App, store: Store): ChatActions {
  return {
    open: (id) => {
      if (location.hash.slice(1) === id) void app.openFromAddress();
      else location.hash = id;
    },
    rename: async (id) => {
      const conversation = await app.find(id);
      if (!conversation) return;
      const title = (await askUser({ title: 'Rename chat', value: conversation.title, ok: 'Rename' }))?.trim();
      if (!title) return;
      conversation.title = title;
      conversation.isNamed = true;
      await app.keep(conversation);
    },
    save: async (id) => {
      const conversation = await app.find(id);
      if (!conversation) return;
      const file = URL.createObjectURL(new Blob([toMarkdown(conversation)], { type: 'text/markdown' }));
      el('a', { href: file, download: fileNameFor(conversation) }).click();
      // The download has begun by then; the address would keep the text in memory.
      setTimeout(() => URL.revokeObjectURL(file), 10_000);
    },
    remove: async (id) => {
      const title = (await store.list()).find((chat) => chat.id === id)?.title ?? '';
      const isSure = await askUser({ title: 'Delete chat?', text: `“${title}” is deleted from this browser for good.`, ok: 'Delete', isDangerous: true });
      if (isSure !== null) await app.forget(id);
    },
  };
}
