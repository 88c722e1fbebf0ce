/** The page as its reader and its operator want it: language, colours, fingers, zoom, names; and the list of chats as a whole. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';

import { fixture, text, visible } from './fixture';

const it = fixture();
const languages = (...wanted: string[]) => it.page.addInitScript((list) => Object.defineProperty(navigator, 'languages', { value: list }), wanted);
const titles = () => it.page.locator('#chats .chat').allInnerTexts();
const menu = async (action: string) => {
  await it.page.click('#all-chats');
  await it.page.click(`#all-menu [data-action=${action}]`);
};

describe('the reader’s language', () => {
  test('is German where the browser says so, also of what fails', async () => {
    await languages('fr', 'de-AT', 'en');
    await it.page.reload();
    await expect.poll(() => it.page.getAttribute('html', 'lang')).toBe('de');
    await visible(it.page.getByText('Worüber denken wir nach?'));
    await it.exchange('Q', (reply) => reply.refuse(429, { error: 'Too many requests. Try again in 9 seconds.', code: 'rate_limited', retryable: true, retry_after: 9, request_id: 'r' }));
    const shown = await text(it.last('.notice'));
    expect(shown).toContain('Zu viele Anfragen');
    expect(shown).not.toContain('Try again');
  });

  test('is Arabic from right to left, with code from left to right and nothing wider than a small screen', async () => {
    await languages('ar');
    await it.page.setViewportSize({ width: 320, height: 700 });
    await it.page.reload();
    await expect.poll(() => it.page.getAttribute('html', 'dir')).toBe('rtl');
    await it.exchange('سؤال', (reply) => reply.start().say('جواب `a + b`.\n\n```js\nlet a;\n```\n').done());
    expect(await it.last('.answer pre').evaluate((element) => getComputedStyle(element).direction)).toBe('ltr');
    expect(await it.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
    await it.page.click('#toggle-sidebar');
    await expect.poll(async () => (await it.page.locator('#sidebar').boundingBox())!.x + (await it.page.locator('#sidebar').boundingBox())!.width).toBe(320);
    await it.page.setViewportSize({ width: 1180, height: 820 });
  });
});

test('who chose dark sees no flash of light: the choice holds before the page’s own script runs', async () => {
  await it.page.click('#theme');
  await it.page.click('#theme');
  await it.page.route('**/assets/*.js', (route) => route.abort());
  await it.page.reload();
  expect(await it.page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe('dark');
  await it.page.unroute('**/assets/*.js');
  await it.page.evaluate(() => localStorage.clear());
});

test('at 400 % zoom more than half of the screen is for reading', async () => {
  await it.page.setViewportSize({ width: 320, height: 256 });
  await it.exchange('Q', (reply) => reply.start().say('text\n\n'.repeat(30)).done());
  const reading = (await it.page.locator('#scroller').boundingBox())!;
  expect(reading.height / 256).toBeGreaterThan(0.5);
  await visible(it.page.getByText('Answers may be wrong.'));
  await it.page.setViewportSize({ width: 1180, height: 820 });
});

describe('the operator', () => {
  test('names the chat, its welcome, its suggestions, a notice, a link and a colour', async () => {
    it.backend.config = { apiBase: '', auth: null, name: 'Contoso Chat', welcome: 'Ask Contoso', intro: 'About our products.', notice: 'Do not enter personal data.',
      suggestions: [{ question: 'What do you sell?', hint: 'Everything' }], privacy: 'https://contoso.example/privacy', accent: '#ffee00' };
    await it.page.reload();
    await visible(it.page.getByText('Ask Contoso'));
    expect(await it.page.title()).toBe('Contoso Chat');
    expect(await text(it.page.locator('#operator-notice'))).toBe('Do not enter personal data.');
    expect(await it.page.getAttribute('#privacy', 'href')).toBe('https://contoso.example/privacy');
    // Yellow on white cannot be read: it is darkened until it can.
    await expect.poll(() => it.page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--accent'))).toMatch(/^light-dark\(#[0-9a-f]{6}, #ffee00\)$/);
    await it.page.click('#suggestions button');
    await visible(it.last('.figures'));
    expect(it.backend.asked[0]?.messages[0]?.content).toBe('What do you sell?');
    expect(await it.last('.judge').count()).toBe(0);
  });

  test('may ask what readers think of an answer: the verdict and the request id are all that travels', async () => {
    it.backend.config = { apiBase: '', auth: null, feedback: true };
    await it.page.reload();
    await it.exchange('Q');
    await visible(it.last('[data-act=up]'));
    await it.last('[data-act=up]').click();
    await expect.poll(() => it.last('[data-act=up]').getAttribute('aria-pressed')).toBe('true');
    await it.last('[data-act=down]').click();
    await expect.poll(() => it.backend.verdicts).toEqual([{ request_id: 'request-1', verdict: 'up' }, { request_id: 'request-1', verdict: 'down' }]);
    await it.page.reload();
    await expect.poll(() => it.last('[data-act=down]').getAttribute('aria-pressed')).toBe('true');
  });
});

describe('all chats', () => {
  test('are pinned, carried away, deleted, brought back, and imported beside what is there', async () => {
    await it.exchange('First', (reply) => reply.start().think('T').say('**A**').done());
    await it.page.click('#new-chat');
    await it.exchange('Second');
    await it.page.locator('#chats li', { hasText: 'First' }).hover();
    await it.page.locator('#chats li', { hasText: 'First' }).locator('.icon').click();
    await it.page.click('#chat-menu [data-action=pin]');
    await expect.poll(titles).toEqual(['First', 'Second']);
    expect(await it.page.locator('#chats h2').allInnerTexts()).toEqual(['Pinned', 'Today']);

    const download = it.page.waitForEvent('download');
    await menu('export-all');
    const file = await (await download).path();
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ format: 'reasoning-chat', conversations: [{ title: 'Second' }, { title: 'First', isPinned: true }] });

    await menu('remove-all');
    await it.page.click('#dialog-ok');
    await expect.poll(titles).toEqual([]);
    await it.page.click('.toast button');
    await expect.poll(titles).toEqual(['First', 'Second']);

    await it.page.setInputFiles('#import-file', file);
    await visible(it.page.getByText('2 chats are imported.').first());
    expect((await titles()).sort()).toEqual(['First', 'First', 'Second', 'Second']);
    await it.page.setInputFiles('#import-file', { name: 'x.json', mimeType: 'application/json', buffer: Buffer.from('{}') });
    await visible(it.page.getByText('There are no chats of this page in that file.').first());
  });

  test('are found by words of their texts; while they are looked for, that is said', async () => {
    await it.exchange('Colours', (reply) => reply.start().say('About Rayleigh and café.').done());
    await it.page.click('#new-chat');
    await it.exchange('Numbers', (reply) => reply.start().say('About primes.').done());
    await it.page.fill('#search', 'rayleigh CAFE');
    expect(await text(it.page.locator('#list-note'))).toBe('Searching…');
    await expect.poll(titles).toEqual(['Colours']);
    expect(await it.page.textContent('#status')).toBe('1 chat found');
    await it.page.fill('#search', 'nowhere');
    await visible(it.page.getByText('No chat holds these words.'));
    await it.page.fill('#search', '');
    await expect.poll(titles).toEqual(['Numbers', 'Colours']);
  });

  test('when the store is full, images go first, and that is said', async () => {
    it.backend.offer = { default: 'm', models: [{ name: 'm', images: true }] };
    await it.page.addInitScript(() => {
      const { put, delete: remove } = IDBObjectStore.prototype;
      IDBObjectStore.prototype.put = function (value: unknown) {
        const request = put.call(this, value);
        if ((window as never as { isFull?: boolean }).isFull && this.name === 'conversations') this.transaction.abort();
        return request;
      };
      IDBObjectStore.prototype.delete = function (key) {
        if (this.name === 'images') Object.assign(window, { isFull: false });
        return remove.call(this, key);
      };
    });
    await it.page.reload();
    await expect.poll(() => it.page.getAttribute('#attach-file', 'accept')).toContain('image/*');
    const png = Buffer.from(await it.page.evaluate(() => Object.assign(document.createElement('canvas'), { width: 9, height: 9 }).toDataURL().split(',')[1]!), 'base64');
    await it.page.setInputFiles('#attach-file', { name: 'a.png', mimeType: 'image/png', buffer: png });
    await visible(it.page.locator('#attachments .thumb'));
    await it.exchange('Q');
    await it.page.evaluate(() => Object.assign(window, { isFull: true }));
    await it.exchange('Q2');
    await visible(it.page.getByText('The browser’s storage is full.').first());
    await it.page.reload();
    await visible(it.page.getByText('a.png is not kept any more'));
    expect(await it.page.locator('.turn').count()).toBe(2);
  });
});
