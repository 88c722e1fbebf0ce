/** axe in every state, light, dark and narrow; and what axe cannot see. */
import { readFileSync } from 'node:fs';

import type { AxeResults, RunOptions } from 'axe-core';
import { describe, expect, test } from 'vitest';

import { fixture, visible } from './fixture';

const it = fixture();
const AXE = readFileSync('node_modules/axe-core/axe.min.js', 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const ANSWER = '# H\n\n## H2\n\nText `code` [link](https://x.example) **bold**\n\n> quote\n\n- [x] a\n- b\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```js\n// comment\nconst a = "s" + 1;\n```\n\n$$\n\\frac{1}{2}\n$$\n';

async function findings(): Promise<string[]> {
  // By the browser's debugger, which the page's policy does not keep out as it would a script.
  await it.page.evaluate(AXE);
  const { violations, passes } = await it.page.evaluate((options) => (window as never as { axe: { run(options: RunOptions): Promise<AxeResults> } }).axe.run(options), { runOnly: TAGS });
  expect(passes.length).toBeGreaterThan(10);
  return violations.map((found) => `${found.id}: ${found.nodes.map((node) => `${node.target} ${node.failureSummary}`).join(' | ')}`);
}

describe.each([
  ['light', 'light', 1180],
  ['dark', 'dark', 1180],
  ['light at 320 px', 'light', 320],
  ['dark at 320 px', 'dark', 320],
] as const)('%s: no findings', (_name, colorScheme, width) => {
  test('empty, waiting, thinking, answering, done, failed, editing, with the menu and the dialog', async () => {
    await it.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await it.page.setViewportSize({ width, height: 800 });
    const check = async (state: string) => expect([state, ...(await findings())]).toEqual([state]);
    await check('empty');
    const coming = it.held();
    await it.send('Why?');
    await visible(it.last('.waiting'));
    await check('waiting');
    const reply = await coming;
    reply.start().think('Some **thoughts**, and `code`.');
    await visible(it.last('.thoughts .box strong'));
    await check('thinking');
    reply.say(ANSWER);
    await visible(it.last('table'));
    await check('answering');
    reply.done();
    await visible(it.last('.figures'));
    await visible(it.last('.katex').first());
    await visible(it.last('.hljs-comment'));
    await check('done');
    expect(await it.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
    await it.exchange('Fail', (next) => next.refuse(429, { error: 'Busy.', code: 'rate_limited', retryable: true, retry_after: 9, request_id: 'r' }));
    await check('failed');
    await it.exchange('Stop', (next) => next.start().say('x').done('length'));
    await check('cut short');
    await it.last('.question').hover();
    await it.last('[data-act=edit]').first().click();
    await check('editing');
    if (width < 860) await it.page.click('#toggle-sidebar');
    await it.page.locator('#chats .icon').first().click();
    await check('menu');
    await it.page.click('#chat-menu [data-action=rename]');
    await check('dialog');
  });
});

test('the conversation is not live; beginnings, ends and errors are announced, and each once', async () => {
  expect(await it.page.getAttribute('#turns', 'aria-live')).toBe('off');
  await it.page.evaluate(() => {
    const said: string[] = [];
    (window as never as { said: string[] }).said = said;
    for (const id of ['status', 'alert']) {
      const region = document.getElementById(id)!;
      new MutationObserver(() => said.push(region.textContent ?? '')).observe(region, { childList: true });
    }
  });
  const coming = it.held();
  await it.send('Q');
  const reply = await coming;
  for (let index = 0; index < 20; index++) reply.think('thought ');
  await visible(it.last('.thoughts .box'));
  for (let index = 0; index < 20; index++) reply.say('word ');
  await visible(it.last('.answer > .markdown p'));
  reply.done();
  await visible(it.last('.figures'));
  const refusing = it.held();
  await it.send('Q');
  const refused = await refusing;
  await visible(it.last('.waiting'));
  refused.refuse(500);
  await visible(it.last('.notice'));
  const said = await it.page.evaluate(() => (window as never as { said: string[] }).said);
  expect(said).toEqual(['Message sent', 'The model is thinking', 'The model is answering', 'Answer complete, 20 words', 'Message sent', expect.stringMatching(/^The service failed/)]);
});

test('works by keyboard alone: focus stays in the box, and each control is reached and seen', async () => {
  await it.exchange('Q', (reply) => reply.start().think('t').say('A').done());
  expect(await it.page.evaluate(() => document.activeElement?.id)).toBe('question');
  const reached = new Set<string>();
  for (let index = 0; index < 30; index++) {
    await it.page.keyboard.press('Shift+Tab');
    reached.add(await it.page.evaluate(() => {
      const active = document.activeElement as HTMLElement;
      const isSeen = active.matches('.skip') || active.checkVisibility({ opacityProperty: true, visibilityProperty: true });
      return `${active.dataset.act ?? active.id ?? ''}|${active.localName}${isSeen ? '' : ' unseen'}`;
    }));
  }
  const all = [...reached].join(' ');
  for (const control of ['copy|', 'regenerate|', 'edit|', '|summary', 'theme|', 'new-chat|']) expect(all).toContain(control);
  expect(all).not.toContain('unseen');
});

test('nothing moves when motion is to be reduced', async () => {
  await it.page.emulateMedia({ reducedMotion: 'reduce' });
  const coming = it.held();
  await it.send('Q');
  const reply = await coming;
  reply.start().think('t');
  await visible(it.last('.thoughts .box'));
  expect(await it.page.evaluate(() => document.getAnimations().length)).toBe(0);
  reply.done();
});

test('the theme button goes through the three and is remembered', async () => {
  const scheme = () => it.page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
  await it.page.click('#theme');
  await it.page.click('#theme');
  expect(await scheme()).toBe('dark');
  await it.page.reload();
  expect(await scheme()).toBe('dark');
  await it.page.click('#theme');
  expect(await scheme()).toBe('light dark');
});
