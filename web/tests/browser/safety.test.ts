/** A corpus of Markdown, math and attacks under the real policy: any violation fails the fixture. */
import { describe, expect, test } from 'vitest';

import { TEXTS } from '../unit/texts';
import { fixture, text, visible } from './fixture';

const it = fixture();

const MATH = ['\\vec{a}', '\\frac{1}{2}', '\\sqrt[3]{x}', '\\sum_{k=1}^n k', '\\begin{pmatrix}a&b\\\\c&d\\end{pmatrix}', '\\boxed{x}',
  '\\underbrace{a+b}_{c}', '\\color{red}{x}', '\\begin{cases}1\\\\2\\end{cases}', '\\left(\\frac{a}{b}\\right)', '\\widehat{abc}', '\\not=', '\\nosuch{x}',
  '\\href{javascript:alert(1)}{x}', '\\includegraphics{https://evil.example/x.png}', '\\htmlStyle{color:red}{x}', '\\text{ä}', '\\overrightarrow{AB}', '\\cancel{x}'];
const ATTACKS = ['<script>window.owned = 1</script>', '<img src=x onerror="window.owned=1">', '<svg onload="window.owned=1">', '<iframe srcdoc="<script>parent.owned=1</script>">',
  '[click](javascript:window.owned=1)', '![x](https://evil.example/x.png)', '<style>body{display:none}</style>', '<link rel=stylesheet href=https://evil.example>',
  '<form action=https://evil.example><input></form>', '<base href=https://evil.example>', '<meta http-equiv=refresh content="0;url=https://evil.example">',
  '[x](data:text/html,<script>alert(1)</script>)', '<a href="javascript:window.owned=1">x</a>', '```html\n<script>window.owned = 1</script>\n```'];

/** In pieces of a few characters, as a model sends it. */
const pieces = (source: string) => source.match(/[\s\S]{1,7}/g) ?? [];

describe('nothing runs, nothing is fetched, nothing is refused by the policy', () => {
  test('in Markdown, math in every form, and attacks, as thoughts and as answer', async () => {
    const math = MATH.map((tex) => `Inline \\(${tex}\\) and\n\n$$\n${tex}\n$$\n`).join('\n\n');
    for (const source of [...Object.values(TEXTS), ...ATTACKS, math]) {
      it.backend.answer((reply) => {
        reply.start();
        for (const piece of pieces(source)) reply.think(piece);
        for (const piece of pieces(source)) reply.say(piece);
        reply.done();
      });
      await it.send(source.trim() || 'nothing');
      await visible(it.last('.ending .tools'));
      if (source.trim()) await it.last('.thoughts summary').click();
      // Colours come to what is looked at.
      if (source === TEXTS.code) await visible(it.last('.answer > .markdown .hljs-keyword').first());
    }
    // Each formula inline and set apart, in the thoughts and in the answer.
    await expect.poll(() => it.last('.katex, .katex-error').count(), { timeout: 20_000 }).toBe(MATH.length * 4);
    expect(await it.page.evaluate(() => (window as never as { owned?: number }).owned)).toBeUndefined();
    expect(await it.page.locator('#turns :is(script, img, iframe, style, link, form, input, base, meta, object)').count()).toBe(0);
    expect(await it.page.locator('#turns [onerror], #turns [onload], #turns a:not([rel="noopener noreferrer nofollow"])').count()).toBe(0);
    // KaTeX's arrow over a vector is drawn by a style attribute, which the policy refuses and the page repairs.
    expect(await it.last('.katex svg').first().evaluate((svg) => getComputedStyle(svg).width)).not.toBe('0px');
  }, 120_000);
});

test('MSAL is not loaded without auth, KaTeX and highlight.js only when needed', async () => {
  const loaded = () => it.page.evaluate(() => performance.getEntriesByType('resource').map((entry) => entry.name.replace(/.*\//, '')));
  await it.exchange('Q', (reply) => reply.start().say('No formula, no code.').done());
  expect((await loaded()).filter((name) => /sign-in|typeset|highlight/.test(name))).toEqual([]);
  await it.exchange('Q', (reply) => reply.start().say('$x$\n\n```js\nlet a\n```\n').done());
  await visible(it.last('.katex').first());
  await visible(it.last('.hljs-keyword'));
  expect((await loaded()).some((name) => name.startsWith('sign-in'))).toBe(false);
});

test('with auth, the page wants a sign-in before it asks anything', async () => {
  it.backend.config = { apiBase: '', auth: { clientId: 'c', authority: 'https://login.example/tenant', scope: 'api://x/y' } };
  await it.page.reload();
  await visible(it.page.locator('#sign-in'));
  await it.exchange('Q');
  expect(await it.last('.notice').getAttribute('data-code')).toBe('unauthenticated');
  expect(await it.last('[data-act=sign-in]').isVisible()).toBe(true);
  expect(it.backend.asked.length).toBe(0);
  expect(await text(it.last('.bubble'))).toBe('Q');
});
