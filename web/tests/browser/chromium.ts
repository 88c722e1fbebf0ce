/** A real browser, with everything that must not happen turned into a failure of the test. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type BrowserContext, chromium, type Page } from 'playwright-core';

/** Where Debian puts it; others say where it is. */
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** A page, and what it complained about. */
export interface Tab {
  page: Page;
  /** Violations of the content security policy and of Trusted Types, uncaught errors, requests to other origins. */
  complaints: string[];
}

/** A running browser with an empty profile. */
export class Browser {
  private readonly context: BrowserContext;
  private readonly profile: string;

  private constructor(context: BrowserContext, profile: string) {
    this.context = context;
    this.profile = profile;
  }

  static async start(options: Parameters<typeof chromium.launchPersistentContext>[1] = {}): Promise<Browser> {
    const profile = await mkdtemp(join(tmpdir(), 'page-test-'));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: CHROMIUM,
      headless: true,
      viewport: { width: 1180, height: 820 },
      // What is kept for want of a network would answer in place of a test's own answers.
      serviceWorkers: 'block',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync'],
      ...options,
    });
    return new Browser(context, profile);
  }

  get version(): string {
    return this.context.browser()?.version() ?? 'of unknown version';
  }

  /** A new tab. Requests beyond loopback are refused and remembered. */
  async tab(): Promise<Tab> {
    const page = await this.context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
    await page.exposeFunction('complain', (text: string) => complaints.push(text));
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        (window as never as { complain(text: string): void }).complain(
          `policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`);
      });
    });
    await page.route(/^https?:\/\/(?!127\.0\.0\.1[:/]|localhost[:/])/, (route) => {
      complaints.push(`fetched ${route.request().url()}`);
      return route.abort();
    });
    return { page, complaints };
  }

  /** A new tab that nobody watches, for measuring: a watched one sends each of its requests through this process first. */
  unwatched(): Promise<Page> {
    return this.context.newPage();
  }

  async close(): Promise<void> {
    await this.context.close();
    await rm(this.profile, { recursive: true, force: true });
  }
}
