/** Every state of the page, against a backend that says what the test wants, under the real content security policy. */
import { describe, expect, test } from 'vitest';

import { codes, tellingText } from '../../src/failure';
import type { Reply } from './backend';
import { fixture, text, visible } from './fixture';

const it = fixture();
const send = (question: string) => it.send(question);
const last = (selector: string) => it.last(selector);
const held = () => it.held();

describe('an answer', () => {
  test('waits, thinks in an open panel, folds it, answers, and ends with its figures', async () => {
    const coming = held();
    await send('Why?');
    await visible(last('.waiting'));
    const reply = await coming;
    reply.start().think('First I **think**.');
    await visible(last('.thoughts strong'));
    expect(await last('.thoughts').getAttribute('open')).not.toBeNull();
    expect(await text(last('.thoughts summary'))).toMatch(/^Thinking/);
    expect(await it.page.isVisible('#stop')).toBe(true);
    reply.say('Because of **light');
    // Unfinished bold text is shown bold, and without its stars.
    await visible(last('.answer > .markdown strong'));
    expect(await text(last('.answer > .markdown'))).toBe('Because of light');
    expect(await last('.thoughts').getAttribute('open')).toBeNull();
    expect(await text(last('.thoughts summary'))).toBe('Thought for 1 s');
    reply.say('**.').done();
    await visible(last('.figures'));
    expect(await text(last('.figures'))).toBe('120 tokens, 40 of them thoughts · 60 tokens/s · 2.5 s');
    expect(await text(last('.answer > .markdown'))).toBe('Because of light.');
    expect(await it.page.textContent('#status')).toBe('Answer complete, 3 words');
    expect(await it.page.isVisible('#send')).toBe(true);
  });

  test('leaves the thoughts as the reader wants them, and remembers it', async () => {
    const coming = held();
    await send('one');
    const reply = await coming;
    reply.start().think('hm');
    await visible(last('.thoughts .box'));
    await last('.thoughts summary').click();
    reply.think(' hm').say('text').done();
    await visible(last('.figures'));
    it.backend.answer(async (next) => {
      next.start().think('again');
      await new Promise((resolve) => setTimeout(resolve, 300));
      next.done();
    });
    await send('two');
    await visible(last('.thoughts'));
    expect(await last('.thoughts .box').isVisible()).toBe(false);
    await visible(last('.notice'));
    await it.page.evaluate(() => localStorage.clear());
  });

  test('sends 2n+1 messages of nothing but role and content, without turns that failed', async () => {
    it.backend.answer((reply) => reply.start().think('secret').say('A1').done());
    await send('Q1');
    await visible(last('.figures'));
    it.backend.answer((reply) => reply.refuse(500));
    await send('Q2');
    await visible(last('.notice'));
    it.backend.answer((reply) => reply.start().say('A3').done());
    await send('Q3');
    await visible(last('.figures'));
    expect(it.backend.asked.at(-1)?.messages).toEqual([
      { role: 'user', content: 'Q1' }, { role: 'assistant', content: 'A1' }, { role: 'user', content: 'Q3' },
    ]);
  });

  test('is stopped by Esc and by the button; the request ends and what came stays', async () => {
    for (const stop of [() => it.page.press('#question', 'Escape'), () => it.page.click('#stop')]) {
      const coming = held();
      await send('go on and on');
      const reply = await coming;
      reply.start().say('One. ');
      await visible(last('.answer > .markdown p'));
      await stop();
      await visible(last('.notice.mild'));
      expect(await text(last('.notice-title'))).toBe('Stopped');
      expect(await text(last('.answer > .markdown'))).toContain('One.');
      await expect.poll(() => reply.asked.left).toBe(true);
      expect(await it.page.evaluate(() => document.activeElement?.id)).toBe('question');
    }
  });

  test('is asked for again by Retry and Regenerate, in its place', async () => {
    it.backend.answer((reply) => reply.refuse(502));
    await send('Q');
    await last('[data-act=retry]').click({ timeout: 5000 });
    await expect.poll(() => it.backend.asked.length).toBe(2);
    it.backend.answer((reply) => reply.start().say('good').done());
    await visible(last('[data-act=retry]'));
    await last('[data-act=retry]').click();
    await visible(last('[data-act=copy]'));
    it.backend.answer((reply) => reply.start().say('better').done());
    await last('[data-act=regenerate]').click();
    await expect.poll(() => text(last('.answer > .markdown'))).toBe('better');
    expect(await it.page.locator('.turn').count()).toBe(1);
    expect(it.backend.asked.at(-1)?.messages).toEqual([{ role: 'user', content: 'Q' }]);
  });

  test('changes with an edited question, and what was there stays as a version', async () => {
    await send('first');
    await visible(last('.figures'));
    await send('second');
    await visible(last('.figures'));
    await it.page.locator('.turn').first().hover();
    await it.page.locator('.turn').first().locator('[data-act=edit]').click();
    await it.page.fill('.edit textarea', 'changed');
    await it.page.press('.edit textarea', 'Enter');
    await expect.poll(() => it.backend.asked.length).toBe(3);
    expect(await it.page.locator('.turn').count()).toBe(1);
    expect(it.backend.asked.at(-1)?.messages).toEqual([{ role: 'user', content: 'changed' }]);
    await visible(last('.figures'));
    await last('[data-act=older-question]').click();
    await expect.poll(() => it.page.locator('.turn').count()).toBe(2);
    expect(await text(last('.bubble'))).toBe('second');
    await it.page.reload();
    await visible(last('.figures'));
    expect(await it.page.locator('.bubble').allInnerTexts()).toEqual(['first', 'second']);
  });

  test('is copied without its thoughts, and code by itself', async () => {
    it.backend.answer((reply) => reply.start().think('secret').say('Run **this**:\n\n```js\nlet a = 1;\n```\n').done());
    await send('Q');
    await last('[data-act=copy]').click();
    const copied = () => it.page.evaluate(() => navigator.clipboard.readText());
    await expect.poll(copied).toBe('Run **this**:\n\n```js\nlet a = 1;\n```\n');
    await last('[data-copy-code]').click();
    await expect.poll(copied).toBe('let a = 1;');
    await visible(last('.hljs-keyword'));
  });
});

describe('an answer that does not end well', () => {
  const FINAL: [string, (reply: Reply) => void, string, RegExp][] = [
    ['is cut by its length', (r) => r.start().say('half').done('length'), 'length', /cut short/],
    ['only thought, to its length', (r) => r.start().think('hm').done('length'), 'length', /thought, but did not answer/],
    ['only thought', (r) => r.start().think('hm').done('stop'), 'stop', /There is no answer/],
    ['is empty', (r) => r.start().done('stop', null), 'stop', /There is no answer/],
    ['is cut off in the middle', (r) => { r.start().say('half'); setTimeout(() => r.cut(), 100); }, 'cut_off', /cut off/],
    ['ends without a last line', (r) => r.start().say('half').end(), 'cut_off', /cut off/],
    ['ends inside a line', (r) => r.start().send('{"index":0,"del').end(), 'cut_off', /cut off/],
    ['holds a bad line', (r) => r.start().send('Backend call failure SECRET\n').say('more').done(), 'unreadable', /unreadable/],
    ['ends in an error line', (r) => r.start().say('half').send({ error: 'It broke. Try again.', code: 'upstream_truncated', retryable: true, request_id: 'r-9' }).end(), 'upstream_truncated', /broke off/],
    ['is an empty 500', (r) => r.refuse(500), 'http', /failed/],
    ['is an empty 502', (r) => r.refuse(502), 'http', /failed/],
    ['is a page with status 500', (r) => r.refuse(500, '<html>SECRET</html>'), 'http', /failed/],
    ['is no answer at all', (r) => r.cut(), 'unreachable', /cannot be reached/],
    ['is a 401 of the platform', (r) => r.refuse(401), 'unauthenticated', /not signed in/],
    ['is a redirect to a sign-in page', (r) => r.refuse(302, '', { location: 'https://login.example/' }), 'unauthenticated', /not signed in/],
  ];
  for (const [name, script, code, title] of FINAL) {
    test(`${name}: words and Retry, never silence`, async () => {
      it.backend.answer(script);
      await send('Q');
      await visible(last('.notice'));
      expect(await last('.notice').getAttribute('data-code')).toBe(code);
      expect(await text(last('.notice-title'))).toMatch(title);
      expect(await last('[data-act=retry]').isVisible()).toBe(true);
      expect(await it.page.textContent('body')).not.toContain('SECRET');
      expect(await it.page.textContent('#alert')).toMatch(title);
      if (code === 'cut_off' && name !== 'ends inside a line') expect(await text(last('.answer > .markdown'))).toBe('half');
    });
  }

  test('shows every code of the contract with its own words, the server’s text and the request id', async () => {
    for (const code of codes()) {
      it.backend.answer((reply) => reply.refuse(400, { error: `Text of ${code}.`, code, retryable: false, request_id: 'r-7' }));
      await send(`Q ${code}`);
      await visible(it.page.locator(`.turn:last-child .notice[data-code=${code}]`));
      const shown = await text(last('.notice'));
      // The server's own words where they tell more, and never in their place.
      const failure = { code, text: `Text of ${code}.`, retryable: false, requestId: null, retryAfter: null, categories: [] };
      expect(shown.includes(`Text of ${code}.`)).toBe(tellingText(failure) !== '');
      expect(shown).toContain('r-7');
      expect(shown).not.toContain('Something failed');
    }
  });

  test('counts down to a retry', async () => {
    it.backend.answer((reply) => reply.refuse(429, { error: 'Busy.', code: 'rate_limited', retryable: true, retry_after: 2, request_id: 'r' }));
    await send('Q');
    await expect.poll(() => text(last('.wait'))).toMatch(/about [12] s/);
    await expect.poll(() => text(last('.wait')), { timeout: 5000 }).toMatch(/retry now/);
  });

  test('is taken back by a late verdict: nothing of it stays, on the page or in what is sent next', async () => {
    const coming = held();
    await send('Q');
    const reply = await coming;
    reply.start().think('bad thoughts').say('bad answer');
    await visible(last('.answer > .markdown p'));
    reply.done('content_filter');
    await visible(last('.notice'));
    expect(await text(last('.notice-title'))).toBe('The answer was taken back');
    expect(await it.page.textContent('#turns')).not.toMatch(/bad/);
    await it.page.reload();
    await visible(last('.notice'));
    expect(await it.page.textContent('#turns')).not.toMatch(/bad/);
  });

  test('without a network is told, and Retry works when it is back', async () => {
    try {
      await it.page.context().setOffline(true);
      await it.page.waitForFunction(() => !navigator.onLine);
      await send('Q');
      await visible(last('.notice[data-code=offline]'));
    } finally {
      await it.page.context().setOffline(false);
    }
    await last('[data-act=retry]').click();
    await visible(last('.figures'));
  });
});

describe('the message box', () => {
  test('sends with Enter, not with Shift+Enter, nor with the Enter of an input method', async () => {
    await it.page.fill('#question', 'a');
    await it.page.press('#question', 'Shift+Enter');
    await it.page.evaluate(() => {
      const key = { key: 'Enter', bubbles: true, cancelable: true };
      const box = document.querySelector('#question')!;
      box.dispatchEvent(new KeyboardEvent('keydown', { ...key, isComposing: true }));
      box.dispatchEvent(new KeyboardEvent('keydown', { ...key, keyCode: 229 }));
    });
    await it.page.keyboard.type('b');
    expect(it.backend.asked.length).toBe(0);
    await it.page.press('#question', 'Enter');
    await expect.poll(() => it.backend.asked[0]?.messages[0]?.content).toBe('a\nb');
  });

  test('keeps what is typed while an answer comes, and over a reload', async () => {
    const coming = held();
    await send('Q');
    const reply = await coming;
    reply.start().say('one ');
    await it.page.locator('#question').pressSequentially('next question');
    await it.page.press('#question', 'Enter');
    reply.say('two').done();
    await visible(last('.figures'));
    expect(await it.page.inputValue('#question')).toBe('next question');
    expect(it.backend.asked.length).toBe(1);
    await it.page.reload();
    await expect.poll(() => it.page.inputValue('#question')).toBe('next question');
  });

  test('grows with its text, up to a bound', async () => {
    const height = () => it.page.evaluate(() => document.querySelector('#question')!.clientHeight);
    const before = await height();
    await it.page.fill('#question', 'a\nb\nc\nd');
    expect(await height()).toBeGreaterThan(before * 2);
    await it.page.fill('#question', 'a\n'.repeat(200));
    expect(await height()).toBeLessThan(420);
  });
});

describe('scrolling', () => {
  test('follows the end, yields to the reader, and follows again from the end', async () => {
    const coming = held();
    await send('Q');
    const reply = await coming;
    const distance = () => it.page.evaluate(() => {
      const box = document.querySelector('#scroller')!;
      return Math.round(box.scrollHeight - box.clientHeight - box.scrollTop);
    });
    const paragraphs = (from: number) => Array.from({ length: 30 }, (_, index) => `Paragraph ${from + index}.\n\n`).join('');
    reply.start().say(paragraphs(0));
    await visible(it.page.getByText('Paragraph 29.'));
    await expect.poll(distance).toBeLessThan(2);
    await it.page.mouse.move(600, 400);
    await it.page.mouse.wheel(0, -300);
    await expect.poll(distance).toBeGreaterThan(200);
    const top = () => it.page.evaluate(() => document.querySelector('#scroller')!.scrollTop);
    const stays = await top();
    reply.say(paragraphs(30));
    await it.page.getByText('Paragraph 59.').waitFor();
    expect(await top()).toBe(stays);
    await it.page.click('#to-end');
    await expect.poll(distance).toBeLessThan(2);
    reply.say(paragraphs(60));
    await it.page.getByText('Paragraph 89.').waitFor();
    await expect.poll(distance).toBeLessThan(2);
    reply.done();
    await visible(last('.figures'));
    await send('next');
    await expect.poll(() => it.page.locator('.turn').count()).toBe(2);
    await expect.poll(distance).toBeLessThan(2);
  });

  test('keeps a selection in finished text and in the part that grows', async () => {
    const coming = held();
    await send('Q');
    const reply = await coming;
    reply.start().say('Select these words');
    await it.page.getByText('Select these words').waitFor();
    await it.page.evaluate(() => {
      const words = document.querySelector('.turn:last-child .answer > .markdown p')!.firstChild!;
      getSelection()!.setBaseAndExtent(words, 7, words, 12);
    });
    for (let index = 0; index < 5; index++) reply.say(` and ${index}`);
    reply.say('.\n\nNext.\n\nNext');
    await it.page.getByText('Next').last().waitFor();
    expect(await it.page.evaluate(() => getSelection()!.toString())).toBe('these');
    reply.done();
  });
});
