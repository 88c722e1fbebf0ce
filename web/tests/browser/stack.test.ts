/**
 * The page in the real stack. What the emulator hides (it passes no abort on) is tested against the host itself, on another
 * origin, as in Azure.
 */
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { Browser, type Tab } from './chromium';
import { missing, type ModelAnswer, Stack } from './stack';

const absent = missing();
if (absent.length > 0) console.log(`skipped: the stack's tests; there is no ${absent.join(', no ')}`);

describe.skipIf(absent.length > 0)('in the real stack', () => {
  const stack = new Stack();
  let browser: Browser;
  let tab: Tab;
  let page: Page;

  beforeAll(async () => {
    browser = await Browser.start();
    await stack.start();
  });
  afterAll(async () => {
    await browser?.close();
    await stack.close();
  });
  beforeEach(async () => {
    tab = await browser.tab();
    page = tab.page;
  });
  afterEach(async () => {
    expect(tab.complaints).toEqual([]);
    await page.close();
  });

  /** Asks, and gives the model's side. */
  async function ask(question: string): Promise<ModelAnswer> {
    const before = stack.model.answers.length;
    await page.fill('#question', question);
    await page.press('#question', 'Enter');
    await expect.poll(() => stack.model.answers.length, { timeout: 15_000 }).toBe(before + 1);
    return stack.model.answers.at(-1)!;
  }

  const last = (selector: string) => page.locator('.turn').last().locator(selector);

  async function openDirect(more: object = {}): Promise<void> {
    await page.route('**/config.json', (route) => route.fulfill({ json: { apiBase: stack.api, auth: null, ...more } }));
    await page.goto(stack.page);
  }

  test('the emulator serves the page with its headers, and 404s are honest', async () => {
    const home = await fetch(stack.page);
    expect(home.headers.get('content-security-policy')).toContain(`connect-src 'self' ${stack.api};`);
    expect(home.headers.get('content-security-policy')).not.toContain('unsafe');
    expect(home.headers.get('x-content-type-options')).toBe('nosniff');
    const script = /src="(\/assets\/[^"]+)"/.exec(await home.text())?.[1] ?? '';
    expect((await fetch(stack.page + script)).headers.get('cache-control')).toContain('immutable');
    expect((await fetch(`${stack.page}/config.json`)).headers.get('cache-control')).toBe('no-store');
    const lost = await fetch(`${stack.page}/nowhere`);
    expect([lost.status, (await lost.text()).includes('There is nothing here')]).toEqual([404, true]);
  });

  test('through the emulator, an answer streams as the model writes it', async () => {
    await page.goto(stack.page);
    const answer = await ask('Why?');
    answer.send({ reasoning_content: 'Let me **think**' });
    await last('.thoughts .box strong').waitFor();
    answer.send({ content: 'First. ' });
    await page.getByText('First.').waitFor();
    answer.send({ content: 'Second, \\(x^2\\).' });
    answer.stop();
    await last('.figures').waitFor();
    await last('.katex').waitFor();
    expect(await last('.thoughts summary').innerText()).toMatch(/^Thought for/);
    expect(await last('.notice').count()).toBe(0);
  });

  test('through the emulator, a model that fails is words, a request id and Retry', async () => {
    await page.goto(stack.page);
    const answer = await ask('Q');
    answer.send({ content: 'half' });
    await page.getByText('half').waitFor();
    answer.cut();
    await last('.notice[data-code=upstream_error], .notice[data-code=upstream_truncated]').waitFor();
    expect(await last('.request-id code').innerText()).toMatch(/[0-9a-f-]{36}/);
    expect(await last('.answer > .markdown').innerText()).toBe('half');
    const again = stack.model.answers.length;
    await last('[data-act=retry]').click();
    await expect.poll(() => stack.model.answers.length).toBe(again + 1);
    stack.model.answers.at(-1)!.send({ content: 'whole' }).stop();
    await last('.figures').waitFor();
  });

  test('straight to the host on another origin, heartbeats come, and Stop ends the model’s work', async () => {
    await openDirect();
    const answer = await ask('Q');
    await page.waitForTimeout(1_500);
    answer.send({ content: 'text' });
    await page.getByText('text').waitFor();
    expect(answer.hasLeft).toBe(false);
    await page.click('#stop');
    await last('.notice.mild').waitFor();
    await expect.poll(() => answer.hasLeft, { timeout: 5_000 }).toBe(true);
  });

  test('straight to the host, a thumb arrives where the operator looks, with the id of its answer and no word of it', async () => {
    await openDirect({ feedback: true });
    const asked = page.waitForResponse('**/api/chat/stream');
    (await ask('Q')).send({ content: 'a secret' }).stop();
    const id = (await asked).headers()['x-request-id'];
    await last('[data-act=down]').click();
    await expect.poll(() => last('[data-act=down]').getAttribute('aria-pressed')).toBe('true');
    await expect.poll(() => stack.events(), { timeout: 10_000 }).toHaveLength(1);
    const [event] = stack.events();
    expect(event).toEqual({ name: 'feedback', properties: { request_id: id, verdict: 'down' } });
  });

  test('straight to the host, closing the tab ends the model’s work', async () => {
    await openDirect();
    const answer = await ask('Q');
    answer.send({ content: 'text' });
    await page.getByText('text').waitFor();
    await page.goto('about:blank');
    await expect.poll(() => answer.hasLeft, { timeout: 5_000 }).toBe(true);
  });

  test('straight to the host, a program that dies in mid-answer is “cut off”, and Retry works once it is back', async () => {
    await openDirect();
    const answer = await ask('Q');
    answer.send({ content: 'half' });
    await page.getByText('half').waitFor();
    stack.killProgram();
    await last('.notice[data-code=cut_off]').waitFor();
    expect(await last('.answer > .markdown').innerText()).toBe('half');
    const before = stack.model.answers.length;
    await expect.poll(async () => {
      if (stack.model.answers.length > before) return true;
      await last('[data-act=retry]').click({ timeout: 1_000 }).catch(() => {});
      return false;
    }, { timeout: 20_000, interval: 500 }).toBe(true);
    stack.model.answers.at(-1)!.send({ content: 'whole' }).stop();
    await last('.figures').waitFor();
    expect(await last('.answer > .markdown').innerText()).toBe('whole');
  });
});
