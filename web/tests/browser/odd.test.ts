/** What people do that nobody planned, and browsers that refuse things. */
import { describe, expect, test } from 'vitest';

import { fixture, text, visible } from './fixture';

const it = fixture();
const fits = () => it.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
const scrollTop = (selector: string) => it.page.evaluate((of) => document.querySelector(of)!.scrollTop, selector);

describe('a double click', () => {
  test('on Send sends once and does not stop', async () => {
    const coming = it.held();
    await it.page.fill('#question', 'Q');
    const box = (await it.page.locator('#send').boundingBox())!;
    await it.page.mouse.dblclick(box.x + 15, box.y + 15);
    const reply = await coming;
    reply.start().say('still coming');
    await it.page.getByText('still coming').waitFor();
    expect(await it.page.isVisible('#stop')).toBe(true);
    expect(it.backend.asked.length).toBe(1);
    reply.done();
  });

  test('on Stop does not send what was typed meanwhile', async () => {
    const coming = it.held();
    await it.send('Q');
    (await coming).start().say('text');
    await it.page.getByText('text').waitFor();
    await it.page.fill('#question', 'not yet');
    const box = (await it.page.locator('#stop').boundingBox())!;
    await it.page.mouse.dblclick(box.x + 15, box.y + 15, { delay: 30 });
    await visible(it.last('.notice'));
    expect(await it.page.inputValue('#question')).toBe('not yet');
    expect(it.backend.asked.length).toBe(1);
  });
});

describe('two tabs', () => {
  test('show the same: an answer that comes to one is told in the other, which can stop it', async () => {
    const coming = it.held();
    await it.send('Q');
    const reply = await coming;
    reply.start().say('First. ');
    await it.page.getByText('First.').waitFor();
    const { page: other } = await it.browser.tab();
    await other.goto(it.page.url());
    await other.getByText('This answer comes in another tab').waitFor();
    expect(await other.locator('.notice').count()).toBe(0);
    await other.click('#stop');
    await visible(it.last('.notice'));
    await other.locator('.notice').waitFor();
    expect(await other.locator('.notice-title').innerText()).toBe('Stopped');
    await expect.poll(() => reply.asked.left).toBe(true);
    // What one asks, the other shows; neither writes over the other.
    it.backend.answer((next) => next.start().say('From the other.').done());
    await other.fill('#question', 'Q2');
    await other.press('#question', 'Enter');
    await visible(it.page.getByText('From the other.'));
    await it.exchange('Q3');
    await other.getByText('Q3').first().waitFor();
    expect(await other.locator('.turn').count()).toBe(3);
    await other.close();
  });

  test('when the one that an answer came to is closed, the other says that it was interrupted', async () => {
    const { page: other } = await it.browser.tab();
    await other.goto(it.backend.url);
    const coming = it.held();
    await other.fill('#question', 'Q');
    await other.press('#question', 'Enter');
    (await coming).start().say('half');
    await other.getByText('half').waitFor();
    await it.page.locator('#chats .chat').first().click();
    await visible(it.last('.waiting'));
    await other.close();
    await visible(it.last('.notice[data-code=interrupted]'));
  });

  test('a chat that is deleted in one is gone in the other', async () => {
    await it.exchange('Q');
    const { page: other } = await it.browser.tab();
    await other.goto(it.page.url());
    await other.locator('#chats li').hover();
    await other.locator('#chats .icon').click();
    await other.click('#chat-menu [data-action=remove]');
    await visible(it.page.locator('#empty'));
    expect(await it.page.locator('#chats li').count()).toBe(0);
    await other.close();
  });
});

describe('a browser that refuses', () => {
  test('all storage: the page works', async () => {
    await it.page.addInitScript(() => {
      for (const name of ['localStorage', 'sessionStorage', 'indexedDB']) {
        Object.defineProperty(window, name, { get: () => { throw new DOMException('no', 'SecurityError'); } });
      }
    });
    await it.page.reload();
    await it.page.click('#theme');
    await it.exchange('Q', (reply) => reply.start().think('t').say('A').done());
    await it.last('.thoughts summary').click();
    expect(await text(it.last('.answer > .markdown'))).toBe('A');
    expect(await it.page.textContent('#storage-note')).toContain('keeps no chats');
  });

  test('the clipboard: Copy says so', async () => {
    await it.page.addInitScript(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
    await it.page.reload();
    await it.exchange('Q');
    await it.last('[data-act=copy]').click();
    await expect.poll(() => text(it.last('[data-act=copy]'))).toBe('Not allowed');
    await expect.poll(() => text(it.last('[data-act=copy]')), { timeout: 4000 }).toBe('Copy');
  });

  test('a part of the page: answers are there as they are written, and rendered when it comes after all', async () => {
    let refused = 0;
    await it.page.route('**/assets/stream-*.js', (route) => (refused++ < 2 ? route.abort() : route.fallback()));
    await it.page.reload();
    await it.exchange('Q', (reply) => reply.start().say('**A**').done());
    expect(await text(it.last('.answer > .markdown'))).toBe('**A**');
    await it.page.waitForTimeout(3_500);
    await it.exchange('Q2', (reply) => reply.start().say('**B**').done());
    await it.page.waitForTimeout(3_500);
    await it.exchange('Q3', (reply) => reply.start().say('**C**').done());
    await visible(it.last('.answer > .markdown strong'));
    expect(refused).toBeLessThan(6);
  });
});

describe('texts of odd sizes and kinds', () => {
  test('200 kB pasted are sent, shown in bounds, and kept in the list by a short title', async () => {
    const long = `${'words and more words '.repeat(10_000)}end`;
    await it.page.fill('#question', long);
    const started = Date.now();
    await it.page.press('#question', 'Enter');
    await visible(it.last('.figures'));
    expect(Date.now() - started).toBeLessThan(5_000);
    expect(it.backend.asked[0]?.messages[0]?.content).toBe(long);
    const box = await it.last('.bubble').boundingBox();
    expect(box!.height).toBeLessThan(820);
    expect(await it.last('.bubble').getAttribute('tabindex')).toBe('0');
    expect((await it.page.locator('#chats .chat').innerText()).length).toBeLessThan(70);
  });

  test('long words, addresses, formulas, tables and code do not widen a page of 320 px', async () => {
    await it.page.setViewportSize({ width: 320, height: 640 });
    const word = 'Donaudampfschifffahrt'.repeat(20);
    const answer = `${word}\n\nhttps://example.com/${word}\n\n# ${word}\n\n- ${word}\n\n\`${word}\`\n\n> ${word}\n\n| a | b | c | d |\n|---|---|---|---|\n| ${word} | x | y | z |\n\n\`\`\`\n${word}\n\`\`\`\n\n$$\n${'a+'.repeat(100)}a\n$$\n\n**${word}**`;
    await it.exchange(word, (reply) => reply.start().think(answer).say(answer).done());
    await visible(it.last('.katex').first());
    await it.last('.thoughts summary').click();
    expect(await fits()).toBe(true);
    expect(await it.page.evaluate(() => document.querySelector('#scroller')!.scrollWidth <= innerWidth)).toBe(true);
    await it.exchange('refused', (reply) => reply.refuse(400, { error: word, code: 'invalid_request', retryable: false, request_id: word }));
    expect(await fits()).toBe(true);
  });

  test('text from right to left stands at the right', async () => {
    await it.exchange('سؤال', (reply) => reply.start().say('الجواب **هنا**.').done());
    const direction = (selector: string) => it.last(selector).evaluate((element) => getComputedStyle(element).direction);
    expect([await direction('.bubble'), await direction('.answer > .markdown p')]).toEqual(['rtl', 'rtl']);
  });
});

describe('where one looks', () => {
  test('an empty start begins at its top, also on a small screen', async () => {
    await it.page.setViewportSize({ width: 320, height: 480 });
    await it.page.reload();
    await visible(it.page.locator('#empty'));
    expect(await scrollTop('#scroller')).toBe(0);
    await it.exchange('Q', (reply) => reply.start().say('text\n\n'.repeat(60)).done());
    expect(await scrollTop('#scroller')).toBeGreaterThan(0);
    await it.page.click('#new-chat-small');
    await visible(it.page.locator('#empty'));
    expect(await scrollTop('#scroller')).toBe(0);
  });

  test('thoughts are followed at their end, and read again from their beginning', async () => {
    const coming = it.held();
    await it.send('Q');
    const reply = await coming;
    reply.start().think('A thought.\n\n'.repeat(60));
    await visible(it.last('.thoughts .box'));
    await expect.poll(() => scrollTop('.thoughts .box')).toBeGreaterThan(100);
    reply.say('text').done();
    await visible(it.last('.figures'));
    await it.last('.thoughts summary').click();
    await visible(it.last('.thoughts .box'));
    await it.page.waitForTimeout(100);
    expect(await scrollTop('.thoughts .box')).toBe(0);
  });

  test('after renaming by keyboard the focus is back on the chat', async () => {
    await it.exchange('Q');
    await it.page.locator('#chats .icon').focus();
    await it.page.keyboard.press('Enter');
    await it.page.keyboard.press('Enter');
    await it.page.keyboard.type('Renamed');
    await it.page.keyboard.press('Enter');
    await expect.poll(() => text(it.page.locator('#chats .chat'))).toBe('Renamed');
    expect(await it.page.evaluate(() => document.activeElement?.closest('li')?.dataset.id)).toBeTruthy();
  });
});

test('Stop works while a request is not even out, and the next question can be asked at once', async () => {
  await it.page.route('**/config.json', () => {}); // Never answered.
  await it.page.reload();
  await it.send('Q');
  await visible(it.last('.waiting'));
  await it.page.press('#question', 'Escape');
  await visible(it.last('.notice'));
  await it.send('Q2');
  await expect.poll(() => it.page.locator('.turn').count()).toBe(2);
  expect(await it.page.inputValue('#question')).toBe('');
});
