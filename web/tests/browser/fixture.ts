/** What every browser test stands on: a browser a file, and for each test a backend, a tab on its page, and no complaints. */
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';

import { Backend, type Reply } from './backend';
import { Browser, type Tab } from './chromium';

/** Things that are new for each test. */
export class Fixture {
  browser!: Browser;
  backend!: Backend;
  tab!: Tab;

  get page(): Page {
    return this.tab.page;
  }

  /** Types and sends. */
  async send(text: string): Promise<void> {
    await this.page.fill('#question', text);
    await this.page.press('#question', 'Enter');
  }

  /** Inside the last turn. */
  last(selector: string): Locator {
    return this.page.locator('.turn').last().locator(selector);
  }

  /** A reply that stays in the test's hand. */
  held(): Promise<Reply> {
    return new Promise((resolve) => this.backend.answer(resolve));
  }

  /** Asks, and waits for the end of a scripted answer. */
  async exchange(question: string, script?: (reply: Reply) => void): Promise<void> {
    if (script) this.backend.answer(script);
    await this.send(question);
    await visible(this.last('.ending > *').first());
  }
}

/** Registers the setting up and the taking down. */
export function fixture(options: Parameters<typeof Browser.start>[0] = {}): Fixture {
  const it = new Fixture();
  beforeAll(async () => {
    it.browser = await Browser.start({ acceptDownloads: true, permissions: ['clipboard-read', 'clipboard-write'], ...options });
  });
  afterAll(() => it.browser.close());
  beforeEach(async () => {
    it.backend = await Backend.start();
    it.tab = await it.browser.tab();
    await it.page.goto(it.backend.url);
  });
  afterEach(async () => {
    expect(it.tab.complaints).toEqual([]);
    await it.page.close();
    await it.backend.close();
  });
  return it;
}

export const visible = (locator: Locator): Promise<void> => locator.waitFor({ state: 'visible' });
export const text = (locator: Locator): Promise<string> => locator.innerText();
