/**
 * How long a stored chat takes to open, among 1,000 others: this page, and beside it what a browser needs on that machine anyway.
 * All of them are opened in turns, several times, so that what else the machine does meanwhile falls on all alike; the table of
 * `docs/performance-page.md` has the medians.
 */
import { readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Backend } from '../browser/backend';
import { Browser } from '../browser/chromium';
import { fillStore } from '../browser/stored';

const CHATS = 1_000;
/** Each is opened so often; and once before, which does not count, for what the browser and the disk have to learn. */
const ROUNDS = 7;
/** This page is looked at for so long after that: what comes then counts among its tasks. */
const WATCHED_MS = 2_000;

interface Case {
  name: string;
  path: string;
  turns: number;
}

interface Opened {
  /** When the last answer was there, with what stands below it; by the page's own clock, from the navigation on. */
  there: number;
  /** When all that is seen of it had its formulas and colours. */
  finished: number;
  longest: number;
  nodes: number;
}

const OURS = '/';
const FLOOR = '/stored/';
const EMPTY = '/empty/';
const CASES: readonly Case[] = [
  { name: 'an empty page', path: EMPTY, turns: 300 },
  ...[30, 300, 1_200].map((turns) => ({ name: 'plain text of the last answer', path: FLOOR, turns })),
  ...[30, 300, 1_200].map((turns) => ({ name: 'this page', path: OURS, turns })),
];

const opened = new Map<Case, Opened[]>(CASES.map((kind) => [kind, []]));
const loadBefore = loadavg()[0] ?? 0;
let browser: Browser;
let backend: Backend;

beforeAll(async () => {
  browser = await Browser.start();
  backend = await Backend.start();
  backend.extra.set(FLOOR, { type: 'text/html', body: readFileSync('tests/bench/stored.html', 'utf8') });
  backend.extra.set(EMPTY, { type: 'text/html', body: '<!doctype html><title>Empty</title><div class="turn"><p class="figures">text</div>' });
});
afterAll(async () => {
  const { version } = browser;
  await browser.close();
  await backend.close();
  console.log(['', `${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores, Chromium ${version}, load before ${loadBefore.toFixed(1)}, after ${(loadavg()[0] ?? 0).toFixed(1)}; medians of ${ROUNDS}`, '',
    '| page | turns | the last answer is there after ms | times plain text | formulas and colours after ms | longest task ms | elements |',
    '|---|--:|--:|--:|--:|--:|--:|', ...CASES.map(row), ''].join('\n'));
});

function row(kind: Case): string {
  const { name, path, turns } = kind;
  const ms = (of: keyof Opened) => Math.round(median(kind, of)).toLocaleString('en');
  const floor = CASES.find((other) => other.path === FLOOR && other.turns === turns);
  if (path !== OURS || !floor) return `| ${name} | ${path === EMPTY ? '–' : turns.toLocaleString('en')} | ${ms('there')} | – | – | ${ms('longest')} | ${ms('nodes')} |`;
  const times = (median(kind, 'there') / median(floor, 'there')).toFixed(1);
  return `| ${name} | ${turns.toLocaleString('en')} | ${ms('there')} | ${times} | ${ms('finished')} | ${ms('longest')} | ${ms('nodes')} |`;
}

function median(kind: Case, of: keyof Opened): number {
  const values = (opened.get(kind) ?? []).map((each) => each[of]).sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Stores the long chats and the others; answers the long ones' ids by their length. */
async function fill(): Promise<Map<number, string>> {
  const page = await browser.unwatched();
  await page.goto(backend.url);
  await page.fill('#question', 'Seed');
  await page.press('#question', 'Enter');
  await page.waitForSelector('.figures');
  const ids = new Map<number, string>();
  for (const turns of new Set(CASES.map((kind) => kind.turns))) ids.set(turns, await fillStore(page, turns, CHATS));
  await page.close();
  return ids;
}

/** Opens a chat in a new tab, as a bookmark does. */
async function open(path: string, id: string): Promise<Opened> {
  const page = await browser.unwatched();
  await page.addInitScript(watch);
  await page.goto(`${backend.url}${path}#${id}`);
  await page.waitForFunction(() => (window as never as { seen: Opened }).seen.finished > 0);
  if (path === OURS) await page.waitForTimeout(WATCHED_MS);
  const result = await seenBy(page);
  await page.close();
  return result;
}

function seenBy(page: Page): Promise<Opened> {
  return page.evaluate(() => ({ ...(window as never as { seen: Opened }).seen, nodes: document.querySelectorAll('*').length }));
}

/** In the page, before anything of its own: looks at each frame for what is there. */
function watch(): void {
  const seen: Opened = { there: 0, finished: 0, longest: 0, nodes: 0 };
  (window as never as { seen: Opened }).seen = seen;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) seen.longest = Math.max(seen.longest, duration);
  }).observe({ type: 'longtask', buffered: true });
  const isSeen = (element: Element) => {
    const { top, bottom } = element.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  };
  const unfinished = '.answer .plain, .answer .formula-source, .answer figure[data-language="js"] code:not(:has(span))';
  const look = () => {
    const last = document.querySelector('.turn:last-child');
    if (last?.querySelector('.figures')) {
      seen.there ||= performance.now();
      if (![...last.querySelectorAll(unfinished)].some(isSeen)) seen.finished = performance.now();
    }
    if (seen.finished === 0) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

test('300 turns among 1,000 chats open within 300 ms, without a task over 100 ms, whatever is off screen', async () => {
  const ids = await fill();
  for (let round = 0; round <= ROUNDS; round++) {
    for (const kind of CASES) {
      const result = await open(kind.path, ids.get(kind.turns) ?? '');
      if (round > 0) opened.get(kind)?.push(result);
    }
  }
  const [short, long, longer] = CASES.filter(({ path }) => path === OURS);
  if (!short || !long || !longer) throw new Error('a case is missing');
  expect.soft(median(long, 'there')).toBeLessThan(300);
  expect.soft(median(long, 'longest')).toBeLessThan(100);
  // A turn off screen is a few nodes of plain text; forty times as many turns are nowhere near forty times the page.
  expect.soft(median(longer, 'nodes') - median(short, 'nodes')).toBeLessThan(1_200 * 12);
});
