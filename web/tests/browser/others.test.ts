/** The page's main states in Firefox and in WebKit. What is one browser's own is in the other files, which Chromium runs. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { Backend, type Reply } from './backend';
import { KINDS, missingFor, Remote } from './webdriver';

const ANSWER = 'Because of **light** and \\(x^2\\).\n\n```python\nprint("x")  # code\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n$$\n\\frac{1}{2}\n$$\n';
const ARABIC = 'نص عربي مع `print("x")`.\n\nAn English paragraph.\n\n```python\nprint("x")  # code\n```\n';

for (const kind of KINDS) {
  const absent = missingFor(kind);
  if (absent && process.env.CI) throw new Error(`there is no ${absent}`);
  if (absent) console.log(`skipped: the page in ${kind}; there is no ${absent}`);

  describe.skipIf(absent)(kind, () => {
    let browser: Remote;
    let backend: Backend;
    const seen = (selector: string) => browser.run((of: string) => [...document.querySelectorAll<HTMLElement>(of)].some((element) => element.getClientRects().length > 0), selector);
    const visible = (selector: string) => expect.poll(() => seen(selector), { timeout: 15_000 }).toBe(true);
    const ask = (question: string) => browser.type('#question', question, 'Enter');
    const held = () => new Promise<Reply>((resolve) => backend.answer(resolve));
    const last = (selector: string) => `.turn:last-child ${selector}`;

    beforeAll(async () => {
      browser = await Remote.start(kind);
      await browser.resize(1180, 860);
    });
    afterAll(() => browser?.close());
    beforeEach(async () => {
      backend = await Backend.start();
      await browser.go(backend.url);
      await visible('#empty');
      await browser.run(() => {
        const seenHere: string[] = [];
        Object.assign(window, { complaints: seenHere });
        document.addEventListener('securitypolicyviolation', (event) => seenHere.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
        addEventListener('error', (event) => seenHere.push(event.message));
      });
    });
    afterEach(async () => {
      expect(await browser.run(() => (window as never as { complaints?: string[] }).complaints ?? [])).toEqual([]);
      await backend.close();
    });

    test('waits, thinks, answers, typesets, colours, and ends with its figures', async () => {
      const coming = held();
      await ask('Why?');
      await visible(last('.waiting'));
      const reply = await coming;
      reply.start().think('First I **think**.');
      await visible(last('.thoughts .box strong'));
      reply.say(ANSWER);
      await visible(last('.answer > .markdown strong'));
      reply.done();
      await visible(last('.figures'));
      await visible(last('.katex'));
      await visible(last('.hljs-comment'));
      expect(await browser.text(last('.figures'))).toBe('120 tokens, 40 of them thoughts · 60 tokens/s · 2.5 s');
      await browser.reload();
      await visible(last('.figures'));
      expect(await browser.text('.bubble')).toBe('Why?');
    });

    test('Stop ends it, and a failed new try leaves the good answer', async () => {
      const coming = held();
      await ask('go on');
      const reply = await coming;
      reply.start().say('One. ');
      await visible(last('.answer > .markdown p'));
      await browser.click('#stop');
      await visible(last('.notice.mild'));
      await expect.poll(() => reply.asked.left).toBe(true);
      backend.answer((next) => next.start().say('good').done());
      await ask('again');
      await visible(last('[data-act=regenerate]'));
      backend.answer((next) => next.refuse(429, { error: 'Busy.', code: 'rate_limited', retryable: true, retry_after: 9, request_id: 'r' }));
      await browser.click(last('[data-act=regenerate]'));
      await visible(last('.notice[data-code=rate_limited]'));
      expect(await browser.text(last('.answer > .markdown'))).toBe('good');
    });

    test('a reload in the middle of an answer is an interruption, not a lost connection', async () => {
      const coming = held();
      await ask('Q');
      (await coming).start().say('half an answer');
      await visible(last('.answer > .markdown p'));
      // What came since the last save is kept in the tab, whatever this browser does to a database when a page goes.
      await browser.reload();
      await visible(last('.notice'));
      expect(await browser.run((of: string) => document.querySelector<HTMLElement>(of)?.dataset.code, last('.notice'))).toBe('interrupted');
      expect(await browser.text(last('.answer > .markdown'))).toBe('half an answer');
    });

    test('both boxes grow with what is in them', async () => {
      const height = (selector: string) => browser.run((of: string) => document.querySelector(of)!.clientHeight, selector);
      const one = await height('#question');
      const fill = (selector: string) => browser.run((of: string) => {
        const box = document.querySelector<HTMLTextAreaElement>(of)!;
        box.value = 'a\nb\nc\nd\ne';
        box.dispatchEvent(new Event('input', { bubbles: true }));
      }, selector);
      await fill('#question');
      expect(await height('#question')).toBeGreaterThan(one * 2);
      await browser.type('#question', '', 'Enter');
      await visible(last('.figures'));
      await browser.run((of: string) => document.querySelector<HTMLElement>(of)!.click(), last('[data-act=edit]'));
      await visible('.edit textarea');
      const edit = await height('.edit textarea');
      expect(edit).toBeGreaterThan(one * 2);
    });

    test('right to left: each block stands on its own side, code runs from left to right; at 320 px nothing is wider than the page', async () => {
      backend.answer((reply) => reply.start().say(ARABIC + ANSWER).done());
      await ask('سؤال');
      await visible(last('.figures'));
      const directions = await browser.run((of: string) => [...document.querySelectorAll(`${of} > p, ${of} pre`)].map((element) => getComputedStyle(element).direction), last('.answer > .markdown'));
      expect(directions.slice(0, 3)).toEqual(['rtl', 'ltr', 'ltr']);
      await browser.resize(450, 700);
      await browser.run(() => document.documentElement.style.setProperty('max-width', '320px'));
      expect(await browser.run(() => document.querySelector('#scroller')!.scrollWidth <= document.querySelector('#scroller')!.clientWidth)).toBe(true);
      await browser.resize(1180, 860);
    });

    test('copies are clean', async () => {
      backend.answer((reply) => reply.start().say(ANSWER).done());
      await ask('Q');
      await visible(last('.katex'));
      await browser.run((of: string) => {
        document.addEventListener('copy', (event) => Object.assign(window, { copied: event.clipboardData?.getData('text/plain') }));
        document.querySelector<HTMLElement>('#scroller')!.focus();
        getSelection()!.selectAllChildren(document.querySelector(of)!);
      }, last('.answer > .markdown'));
      await browser.type('#scroller', '', 'Copy');
      const copied = await browser.run(() => (window as never as { copied?: string }).copied);
      expect(copied).toBe('Because of light and $x^2$.\n\nprint("x")  # code\n\na\tb\n1\t2\n\n$$\\frac{1}{2}$$');
    });
  });
}
