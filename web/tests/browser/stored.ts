/** A store that has been filled for years: for what long chats cost. */
import type { Page } from 'playwright-core';

/** An answer with a bit of everything, about as long as they are. */
const ANSWER = 'Words with \\(x^2\\) and **bold**.\n\n- one\n- two\n\n```js\nlet a = 1;\n```\n\n$$\n\\sum_{k=1}^n k\n$$\n\n'.repeat(8);

/**
 * Puts a chat of so many turns, and so many others, beside the one that the page has stored; answers the long one's id. The
 * page has to have stored a chat with one turn that was answered.
 */
export function fillStore(page: Page, turns: number, chats: number): Promise<string> {
  return page.evaluate(async ([turnCount, chatCount, answer]) => {
    const database = await new Promise<IDBDatabase>((resolve) => {
      const request = indexedDB.open('reasoning-chat');
      request.onsuccess = () => resolve(request.result);
    });
    const all = database.transaction('conversations').objectStore('conversations').getAll();
    await new Promise((resolve) => (all.onsuccess = resolve));
    const [seed] = all.result;
    const [turn] = seed.turns;
    const long = { ...structuredClone(seed), id: `long-${turnCount}`, title: 'Long one', shown: {}, turns: [] as unknown[] };
    for (let index = 0; index < turnCount; index++) {
      long.turns.push({ ...structuredClone(turn), id: `t${index}`, parent: index ? `t${index - 1}` : null, text: `Question ${index}`,
        answer: { ...turn.answer, text: `Answer ${index}. ${answer}` } });
    }
    const others = Array.from({ length: chatCount }, (_, index) => (
      { ...structuredClone(seed), id: `c${index}`, title: `Chat ${index}`, updated: seed.updated - index * 3_600_000 }));
    const transaction = database.transaction(['conversations', 'summaries'], 'readwrite');
    for (const conversation of [long, ...others]) {
      transaction.objectStore('conversations').put(conversation);
      const { id, title, updated } = conversation;
      transaction.objectStore('summaries').put({ id, title, updated, isPinned: false });
    }
    await new Promise((resolve) => (transaction.oncomplete = resolve));
    return long.id;
  }, [turns, chats, ANSWER] as const);
}
