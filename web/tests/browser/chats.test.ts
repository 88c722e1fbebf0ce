/** Conversations that are kept: the list, switching, reloading, renaming, exporting, deleting. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

import { fixture, text, visible } from './fixture';

const it = fixture();
const rows = () => it.page.locator('#chats li');
const row = (title: string) => it.page.locator('#chats li', { hasText: title });

async function choose(title: string, action: string): Promise<void> {
  await row(title).hover();
  await row(title).locator('.icon').click();
  await it.page.locator(`#chat-menu [data-action=${action}]`).click();
}

test('a chat is listed by its first question, latest first, and survives a reload', async () => {
  await it.exchange('First chat');
  await it.page.click('#new-chat');
  await visible(it.page.locator('#empty'));
  await it.exchange('Second chat');
  expect(await rows().locator('.chat').allInnerTexts()).toEqual(['Second chat', 'First chat']);
  await it.page.reload();
  await visible(it.last('.figures'));
  expect(await it.page.title()).toBe('Second chat · Reasoning chat');
  await row('First chat').locator('.chat').click();
  await expect.poll(() => text(it.last('.bubble'))).toBe('First chat');
  await it.page.goBack();
  await expect.poll(() => text(it.last('.bubble'))).toBe('Second chat');
});

test('switching does not end an answer: it goes on unseen and is there on return', async () => {
  const coming = it.held();
  await it.send('Slow one');
  const reply = await coming;
  reply.start().say('Begun, ');
  await visible(it.last('.markdown p'));
  await it.page.click('#new-chat');
  await visible(it.page.locator('#empty'));
  await visible(row('Slow one').locator('.pulse'));
  expect(await it.page.isVisible('#stop')).toBe(false);
  await it.exchange('Quick one', (quick) => quick.start().say('quick').done());
  reply.say('gone on, ');
  await row('Slow one').locator('.chat').click();
  await expect.poll(() => text(it.last('.answer > .markdown'))).toBe('Begun, gone on, ');
  expect(await it.page.isVisible('#stop')).toBe(true);
  reply.say('ended.').done();
  await visible(it.last('.figures'));
  expect(await text(it.last('.answer > .markdown'))).toBe('Begun, gone on, ended.');
});

test('a reload in the middle keeps what came, says so, and Retry asks again', async () => {
  const coming = it.held();
  await it.send('Q');
  const reply = await coming;
  reply.start().think('thoughts').say('half an answer');
  await visible(it.last('.answer > .markdown p'));
  reply.say(' and more');
  await it.page.getByText('and more').waitFor();
  await it.page.reload();
  await visible(it.last('.notice[data-code=interrupted]'));
  expect(await text(it.last('.answer > .markdown'))).toBe('half an answer and more');
  await it.backend.answer((again) => again.start().say('whole').done());
  await it.last('[data-act=retry]').click();
  await expect.poll(() => text(it.last('.answer > .markdown'))).toBe('whole');
});

test('a chat is renamed, exported with its thoughts folded, deleted, brought back, and deleted for good', async () => {
  await it.exchange('Old name', (reply) => reply.start().think('T').say('**A**').done());
  await choose('Old name', 'rename');
  await it.page.fill('#dialog-input', 'New name');
  await it.page.press('#dialog-input', 'Enter');
  await visible(row('New name'));
  expect(await it.page.textContent('#title')).toBe('New name');

  const download = it.page.waitForEvent('download');
  await choose('New name', 'save');
  const file = await download;
  expect(file.suggestedFilename()).toBe('New-name.md');
  expect(await readFile(await file.path(), 'utf8')).toBe(
    '# New name\n\n## Question\n\nOld name\n\n## Answer\n\n<details>\n<summary>Thoughts</summary>\n\nT\n\n</details>\n\n**A**\n');

  await choose('New name', 'remove');
  await expect.poll(() => rows().count()).toBe(0);
  await it.page.click('.toast button');
  await visible(row('New name'));
  await expect.poll(() => text(it.last('.answer > .markdown'))).toBe('A');
  await choose('New name', 'remove');
  await expect.poll(() => rows().count()).toBe(0);
  await visible(it.page.locator('#empty'));
  await it.page.reload();
  expect(await rows().count()).toBe(0);
});

test('what is typed while a chat still loads is meant for it, and asked in a new one if there is none', async () => {
  await it.exchange('First');
  await it.page.addInitScript(() => {
    const open = IDBFactory.prototype.open;
    // A browser that is slow to open its database, until the test lets it.
    IDBFactory.prototype.open = function (...wanted) {
      const shown = document.createElement('i') as unknown as IDBOpenDBRequest;
      (window as never as { go(): void }).go = () => {
        const request = open.apply(this, wanted);
        request.onsuccess = () => {
          Object.defineProperty(shown, 'result', { value: request.result });
          shown.onsuccess?.(new Event('success'));
        };
      };
      return shown;
    };
  });
  const go = () => it.page.evaluate(() => (window as never as { go(): void }).go());
  for (const [address, turns] of [[it.page.url(), 2], [`${it.backend.url}/#nowhere`, 1]] as const) {
    await it.page.goto(address);
    await it.page.reload();
    await it.page.fill('#question', 'Typed early');
    await go();
    await expect.poll(() => it.page.locator('.turn').count()).toBe(turns - 1);
    expect(await it.page.inputValue('#question')).toBe('Typed early');
    await it.page.press('#question', 'Enter');
    await expect.poll(() => it.page.locator('.turn').count()).toBe(turns);
    await visible(it.last('.figures'));
  }
});

test('a chat that ends before the database opens survives reloads, and is in the database when that has opened', async () => {
  // A database that does not come, as on a busy machine; what the window is called is what a reload leaves alone.
  await it.page.addInitScript(() => {
    if (window.name !== 'opens') IDBFactory.prototype.open = () => new EventTarget() as IDBOpenDBRequest;
  });
  const isThere = async () => {
    await it.page.reload();
    await visible(it.last('.figures'));
    expect(await text(it.last('.answer > .markdown'))).toBe('The answer');
  };
  await it.page.reload();
  await it.exchange('Early', (reply) => reply.start().say('The answer').done());
  await isThere();
  await it.page.evaluate(() => (window.name = 'opens'));
  await isThere();
  await visible(row('Early'));
  // Nothing is left in the tab once the database has it.
  await expect.poll(() => it.page.evaluate(() => Object.keys(sessionStorage).filter((key) => key.startsWith('unsaved')))).toEqual([]);
  await isThere();
});

test('a suggestion asks', async () => {
  await it.page.locator('#suggestions button').first().click();
  await visible(it.last('.figures'));
  expect(it.backend.asked[0]?.messages[0]?.content).toBe('Why is the sky blue?');
});

test('a heartbeat keeps the waiting state honest, and seconds go on', async () => {
  const coming = it.held();
  await it.send('Q');
  const reply = await coming;
  reply.start();
  await expect.poll(() => text(it.last('.waiting')), { timeout: 8000 }).toMatch(/Waiting for the model, [5-9] s/);
  reply.send({ heartbeat: { elapsed_ms: 6000 } }).think('hm');
  await visible(it.last('.thoughts .box'));
  expect(await it.last('.waiting').isVisible()).toBe(false);
  await expect.poll(() => text(it.last('.waiting')), { timeout: 8000 }).toMatch(/^Waiting for the model, [45] s\.$/);
  // A heartbeat is no news, so the words stay; but now they know more.
  reply.send({ heartbeat: { elapsed_ms: 12000 } });
  await expect.poll(() => text(it.last('.waiting')), { timeout: 8000 }).toMatch(/^Waiting for the model, [5-9] s\. The connection is alive\.$/);
  reply.done();
});

test('without a store the page works, and says that it keeps nothing', async () => {
  await it.page.addInitScript(() => Object.defineProperty(window, 'indexedDB', { value: { open: () => { throw new Error('none'); } } }));
  await it.page.reload();
  await it.exchange('Q');
  expect(await it.page.textContent('#storage-note')).toContain('keeps no chats');
  expect(await rows().count()).toBe(1);
});

test('a config.json that says nothing usable is a word on the page and an error for a question, not a guess', async () => {
  it.backend.config = '{"apiBase": 7}';
  await it.page.reload();
  await visible(it.page.locator('#banner'));
  await it.exchange('Q');
  expect(await it.last('.notice').getAttribute('data-code')).toBe('configuration');
  expect(it.backend.asked.length).toBe(0);
});
