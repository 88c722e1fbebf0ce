/** `cargo xtask screenshots`: the README's pictures, of the real program on its demo model, which tells the same each time. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, test } from 'vitest';

import { Browser } from '../browser/chromium';

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));
const IMAGES = join(PROJECT, 'docs/images');
const PORT = 7189;

let program: ChildProcess;
let browser: Browser;

beforeAll(async () => {
  await mkdir(IMAGES, { recursive: true });
  program = spawn(join(PROJECT, 'target/debug/reasoning-chat'), { cwd: PROJECT, stdio: 'ignore', env: { PATH: process.env.PATH, PORT: String(PORT) } });
});
// A browser each: chats of the one are none of the other's.
beforeEach(async () => {
  browser = await Browser.start({ deviceScaleFactor: 1.5, viewport: { width: 1120, height: 720 }, reducedMotion: 'reduce' });
});
afterEach(() => browser.close());
afterAll(() => program.kill('SIGTERM'));

test.each(['light', 'dark'] as const)('%s', async (colorScheme) => {
  const { page } = await browser.tab();
  await page.emulateMedia({ colorScheme });
  const shoot = (name: string) => page.screenshot({ path: join(IMAGES, `${name}-${colorScheme}.png`) });
  for (let tries = 0; ; tries++) {
    const isThere = await page.goto(`http://127.0.0.1:${PORT}/`).then(() => true, () => false);
    if (isThere) break;
    if (tries > 50) throw new Error('the program does not answer');
    await page.waitForTimeout(100);
  }
  await page.mouse.move(700, 500);
  const ended = () => page.locator('.turn').last().locator('.ending .tools').waitFor({ timeout: 60_000 });
  await page.fill('#question', 'How many r in strawberry?');
  await page.press('#question', 'Enter');
  await ended();
  await page.click('#new-chat');
  await page.mouse.move(700, 500);
  await page.fill('#question', 'Why is the sky blue?');
  await page.press('#question', 'Enter');
  await page.waitForFunction(() => (document.querySelector('.thoughts .box')?.textContent?.length ?? 0) > 420);
  await shoot('thinking');
  await ended();
  await page.locator('.katex').first().waitFor();
  await page.evaluate(() => document.querySelector('#scroller')!.scrollTo(0, 0));
  await page.waitForTimeout(400);
  await shoot('answer');
  await page.close();
});
