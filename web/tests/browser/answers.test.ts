/** What people do with an answer: compare, copy, print, go on when it is long, see who gave it and how. */
import { describe, expect, test } from 'vitest';

import { fixture, text, visible } from './fixture';
import { fillStore } from './stored';

const it = fixture();
const answer = () => text(it.last('.answer > .markdown'));
const OFFER = {
  default: 'thorough',
  models: [
    { name: 'thorough', title: 'Thorough', efforts: ['low', 'medium', 'high'], effort: 'medium', images: true },
    { name: 'fast', title: 'Fast', efforts: [], images: false },
  ],
  limits: { messages: 200, characters: 400_000, request_bytes: 8_388_608, images: 10, image_bytes: 4_194_304 },
};

describe('nothing good is destroyed', () => {
  test('another answer that fails leaves the good one, says why, and Retry makes a version of it', async () => {
    await it.exchange('Q', (reply) => reply.start().say('good').done());
    it.backend.answer((reply) => reply.refuse(429, { error: 'Busy.', code: 'rate_limited', retryable: true, retry_after: 7, request_id: 'r-1' }));
    await it.last('[data-act=regenerate]').click();
    await visible(it.last('.notice[data-code=rate_limited]'));
    expect(await answer()).toBe('good');
    expect(await text(it.last('.notice-title'))).toBe('The new try failed: Too many requests');
    await expect.poll(() => text(it.last('.wait'))).toMatch(/retry in about [1-7] s/);
    expect(await it.page.textContent('#alert')).toContain('The new try failed');
    await it.page.reload();
    await visible(it.last('.notice[data-code=rate_limited]'));
    it.backend.answer((reply) => reply.start().say('better').done());
    await it.last('[data-act=retry]').click();
    await expect.poll(answer).toBe('better');
    expect(await text(it.last('.answer .versions'))).toMatch(/2\/2/);
    await it.last('[data-act=older-answer]').click();
    await expect.poll(answer).toBe('good');
    expect(await it.last('.notice').count()).toBe(0);
    // What is shown is what counts for the next question.
    await it.exchange('next');
    expect(it.backend.asked.at(-1)?.messages.map(({ content }) => content)).toEqual(['Q', 'good', 'next']);
  });

  test('stopping another answer before its first word brings the good one back', async () => {
    await it.exchange('Q', (reply) => reply.start().say('good').done());
    const coming = it.held();
    await it.last('[data-act=regenerate]').click();
    (await coming).start();
    await visible(it.last('.waiting'));
    await it.page.click('#stop');
    await expect.poll(answer).toBe('good');
    expect(await it.last('.versions').count()).toBe(0);
  });

  test('an edited first question keeps the turns that followed the old one', async () => {
    for (const question of ['one', 'two', 'three']) await it.exchange(question);
    await it.page.locator('.turn').first().hover();
    await it.page.locator('.turn').first().locator('[data-act=edit]').click();
    await it.page.fill('.edit textarea', 'ONE');
    await it.page.press('.edit textarea', 'Enter');
    await expect.poll(() => it.page.locator('.turn').count()).toBe(1);
    await visible(it.last('.figures'));
    expect(await text(it.last('.question .versions'))).toMatch(/2\/2/);
    await it.last('[data-act=older-question]').click();
    await expect.poll(() => it.page.locator('.bubble').allInnerTexts()).toEqual(['one', 'two', 'three']);
  });

  test('drafts and open edits belong to their chat', async () => {
    await it.exchange('first');
    await it.page.fill('#question', 'draft of the first');
    await it.last('.question').hover();
    await it.last('[data-act=edit]').click();
    await it.page.fill('.edit textarea', 'edit of the first');
    await it.page.click('#new-chat');
    await visible(it.page.locator('#empty'));
    expect(await it.page.inputValue('#question')).toBe('');
    await it.page.locator('#chats .chat').first().click();
    await visible(it.page.locator('.edit textarea'));
    expect(await it.page.inputValue('.edit textarea')).toBe('edit of the first');
    expect(await it.page.inputValue('#question')).toBe('draft of the first');
    await it.page.press('.edit textarea', 'Escape');
    await it.page.reload();
    await visible(it.last('.figures'));
    expect(await it.page.locator('.edit').count()).toBe(0);
  });
});

describe('copying', () => {
  const ANSWER = 'So \\(x^2\\) is:\n\n```python\nprint(1)\n```\n\n| a | b |\n|---|--:|\n| 1 | **2** |\n\n1. one\n2. two\n\n$$\n\\frac{1}{2}\n$$\n';
  const clipboard = (type: string) => it.page.evaluate(async (of) => {
    const [item] = await navigator.clipboard.read();
    return item?.types.includes(of) ? (await item.getType(of)).text() : '';
  }, type);

  test('a selection gives TeX for formulas, code without its caption, tables as tables', async () => {
    await it.exchange('Q', (reply) => reply.start().say(ANSWER).done());
    await visible(it.last('.katex').nth(1));
    await it.last('.answer > .markdown').evaluate((element) => getSelection()!.selectAllChildren(element));
    await it.page.keyboard.press('Control+c');
    await expect.poll(() => clipboard('text/plain')).toBe('So $x^2$ is:\n\nprint(1)\n\na\tb\n1\t2\n\n1. one\n2. two\n\n$$\\frac{1}{2}$$');
    const html = await clipboard('text/html');
    expect(html).toMatch(/<table[^>]*border="1"/);
    expect(html).toMatch(/<pre[^>]*><code[^>]*>print\(1\)<\/code><\/pre>/);
    expect(html).not.toMatch(/katex|Copy|class=/);
  });

  test('half a formula is all of it', async () => {
    await it.exchange('Q', (reply) => reply.start().say('see \\(a^2+b^2\\) here').done());
    await visible(it.last('.katex').first());
    await it.last('.markdown p').evaluate((element) => getSelection()!.setBaseAndExtent(element.firstChild!, 0, element.querySelector('.katex-html .mord')!.firstChild!, 1));
    await it.page.keyboard.press('Control+c');
    await expect.poll(() => clipboard('text/plain')).toBe('see $a^2+b^2$');
  });

  test('the Copy button gives rich text beside Markdown; a request id has a button of its own', async () => {
    await it.exchange('Q', (reply) => reply.start().say(ANSWER).done());
    await it.last('[data-act=copy]').click();
    await expect.poll(() => clipboard('text/plain')).toBe(ANSWER);
    expect(await clipboard('text/html')).toContain('<strong>2</strong>');
    await it.exchange('Q', (reply) => reply.refuse(500, { error: 'x', code: 'internal', retryable: false, request_id: 'id-42' }));
    await it.last('[data-act=copy-id]').click();
    await expect.poll(() => clipboard('text/plain')).toBe('id-42');
  });
});

describe('printing', () => {
  test('gives the whole conversation, with the thoughts as they were left, and no controls', async () => {
    const sections = Array.from({ length: 60 }, (_, index) => `## Section ${index}\n\n${'Some words. '.repeat(40)}\n\n$x_{${index}}$\n`).join('\n');
    await it.exchange('First question', (reply) => reply.start().think('open thoughts').say('short').done());
    await it.last('.thoughts summary').click();
    await it.exchange('Q', (reply) => reply.start().think('folded thoughts').say(sections).done());
    await visible(it.last('.katex').first());
    const pdf = await it.page.pdf();
    // One `/Type /Page` object a page; the tree of pages is `/Pages`.
    const pages = pdf.toString('latin1').match(/\/Type\s*\/Page\b(?!s)/g)?.length ?? 0;
    expect(pages).toBeGreaterThan(8);
    await it.page.emulateMedia({ media: 'print' });
    const isShown = (selector: string) => it.page.locator(selector).first().isVisible();
    expect([await isShown('#composer'), await isShown('#sidebar'), await isShown('.tools'), await isShown('.thoughts .box')]).toEqual([false, false, false, true]);
    expect(await it.last('.thoughts').isVisible()).toBe(false);
    expect(await it.page.locator('.formula:not(:has(.katex))').count()).toBe(0);
    await it.page.emulateMedia({ media: null });
  });
});

describe('long chats', () => {
  async function store(turns: number, chats: number): Promise<string> {
    await it.exchange('Seed');
    return fillStore(it.page, turns, chats);
  }

  test('300 turns and 1,000 chats: few nodes, the end first, all of it found by the browser’s search, and by the page’s', async () => {
    const id = await store(300, 1_000);
    await it.page.goto(`${it.backend.url}/#${id}`);
    await it.page.reload();
    await visible(it.last('.figures'));
    expect(await text(it.last('.bubble'))).toBe('Question 299');
    await expect.poll(() => it.page.locator('#chats li').count()).toBeGreaterThan(30);
    expect(await it.page.locator('#chats li').count()).toBeLessThan(200);
    await it.page.waitForTimeout(500);
    expect(await it.page.locator('.turn.awake').count()).toBeLessThan(30);
    expect(await it.page.evaluate(() => document.querySelectorAll('*').length)).toBeLessThan(20_000);
    expect(await it.page.locator('#turns').textContent()).toContain('Answer 3.');
    // The last ones came first, and all stand in their order.
    const labels = await it.page.locator('.turn').evaluateAll((turns) => turns.map((turn) => turn.getAttribute('aria-label')));
    expect(labels).toEqual(Array.from({ length: 300 }, (_, index) => `Turn ${index + 1}`));
    const isAtEnd = () => it.page.evaluate(() => {
      const box = document.querySelector('#scroller')!;
      return box.scrollHeight - box.clientHeight - box.scrollTop < 2;
    });
    await expect.poll(isAtEnd).toBe(true);
    // Going up wakes what comes into sight, and what was seen goes to sleep again.
    for (let step = 0; step < 40; step++) {
      await it.page.evaluate(() => document.querySelector('#scroller')!.scrollBy(0, -2_500));
      await it.page.waitForTimeout(30);
    }
    await it.page.waitForTimeout(500);
    expect(await it.page.locator('.turn.awake').count()).toBeLessThan(40);
    expect(await it.page.evaluate(() => {
      const box = document.querySelector('#scroller')!.getBoundingClientRect();
      return document.elementFromPoint(box.left + box.width / 2, box.top + 200)?.closest('.turn')?.classList.contains('awake');
    })).toBe(true);
    await it.page.fill('#search', 'answer 17.');
    await expect.poll(() => it.page.locator('#chats .chat').allInnerTexts()).toEqual(['Long one']);
    await it.page.press('#search', 'Escape');
    await expect.poll(() => it.page.locator('#chats li').count()).toBeGreaterThan(30);
  }, 120_000);

  test('past 100 turns the limit is known beforehand, and one can go on with the newest', async () => {
    it.backend.offer = OFFER;
    const id = await store(99, 0);
    await it.page.goto(`${it.backend.url}/#${id}`);
    await it.page.reload();
    await visible(it.page.locator('#room'));
    expect(await text(it.page.locator('#room span'))).toBe('This chat has room for 1 question more.');
    await it.exchange('the hundredth');
    await expect.poll(() => text(it.page.locator('#room span'))).toBe('This chat is longer than the service takes.');
    // For paper all of them are rendered, in the moment that the browser gives for that.
    expect(await it.page.evaluate(() => {
      const asleep = () => document.querySelectorAll('.turn:not(.awake)').length;
      const before = asleep();
      dispatchEvent(new Event('beforeprint'));
      return [before > 50, asleep()];
    })).toEqual([true, 0]);
    await it.page.click('#room button');
    await expect.poll(() => it.page.locator('#room').isVisible()).toBe(false);
    await it.exchange('and on');
    expect(it.backend.asked.at(-1)?.messages.length).toBe(99);
    await expect.poll(() => it.page.locator('.turn.awake').count()).toBeLessThan(40);
    const ordinal = await it.page.evaluate(() => [...document.querySelectorAll('.turn')].findIndex((turn) => turn.classList.contains('awake') && !turn.classList.contains('left-behind')));
    expect(ordinal).toBeGreaterThan(50);
  });
});

test('a conversation that is too long for the model goes on with its newest turns, also where no limit is told', async () => {
  for (const question of ['one', 'two', 'three', 'four']) await it.exchange(question);
  it.backend.answer((reply) => reply.refuse(400, { error: 'Too long.', code: 'context_length_exceeded', retryable: false, request_id: 'r' }));
  await it.send('five');
  await visible(it.last('[data-act=newest]'));
  it.backend.answer((reply) => reply.start().say('fits').done());
  await it.last('[data-act=newest]').click();
  await expect.poll(answer).toBe('fits');
  expect(it.backend.asked.at(-1)?.messages.map(({ content }) => content)).toEqual(['four', 'Hello.', 'five']);
  await it.page.locator('.turn').first().scrollIntoViewIfNeeded();
  await visible(it.page.getByText('From here up nothing counts any more'));
});

describe('who answers, and how it thinks', () => {
  test('the footer names the model, once there is one; the thoughts are a summary where they are', async () => {
    it.backend.offer = OFFER;
    await it.page.reload();
    await visible(it.page.locator('#model'));
    await it.exchange('Q', (reply) => reply.start('thorough').think('**First part**\n\nwords\n\n**Second part**\n\nmore').say('A').done('stop', undefined, 'summary'));
    expect(await text(it.last('.figures'))).toMatch(/^Thorough · /);
    expect(await text(it.last('.thoughts summary'))).toMatch(/^Summary of its thoughts, 1 s$/);
    await it.last('.thoughts summary').click();
    expect(await it.last('.thoughts .box p').allInnerTexts()).toEqual(['First part', 'words', 'Second part', 'more']);
    expect(await it.last('.thoughts .box strong').count()).toBe(2);
  });

  test.each([['hidden', /does not tell its thoughts/], ['none', /without thinking first/]] as const)('thoughts that are %s are spoken of once', async (told, words) => {
    await it.exchange('Q', (reply) => reply.start('m').say('A').done('stop', undefined, told));
    expect(await text(it.last('.told'))).toMatch(words);
    await it.exchange('Q2', (reply) => reply.start('m').say('A').done('stop', undefined, told));
    expect(await it.last('.told').count()).toBe(0);
    await it.page.reload();
    await visible(it.last('.figures'));
    await expect.poll(() => it.page.locator('.told').count()).toBe(1);
  });

  test('a silent thinker looks alive, and patience is asked for', async () => {
    const coming = it.held();
    await it.send('Q');
    const reply = await coming;
    reply.start();
    await expect.poll(() => text(it.last('.waiting')), { timeout: 20_000 }).toMatch(/^Waiting for the model, 1[2-9] s\. It may think for minutes/);
    reply.send({ heartbeat: { elapsed_ms: 13_000 } });
    await expect.poll(() => text(it.last('.waiting')), { timeout: 5_000 }).toContain('The connection is alive.');
    reply.say('A').done();
  });
});

describe('the choice', () => {
  test('is sent, remembered for each chat, and not there where nothing is offered', async () => {
    expect(await it.page.isVisible('#model')).toBe(false);
    it.backend.offer = OFFER;
    await it.page.reload();
    await visible(it.page.locator('#model'));
    await it.exchange('Q');
    expect(it.backend.asked.at(-1)).toMatchObject({ model: undefined, effort: undefined });
    await it.page.selectOption('#effort', 'high');
    await it.exchange('Q2');
    expect(it.backend.asked.at(-1)).toMatchObject({ model: undefined, effort: 'high' });
    await it.page.selectOption('#model', 'fast');
    expect(await it.page.isVisible('#effort')).toBe(false);
    await it.exchange('Q3');
    expect(it.backend.asked.at(-1)).toMatchObject({ model: 'fast', effort: undefined });
    await it.page.reload();
    await visible(it.last('.figures'));
    await expect.poll(() => it.page.inputValue('#model')).toBe('fast');
    await it.page.evaluate(() => localStorage.clear());
  });

  test('a sign-in that is not set up is not offered', async () => {
    await it.exchange('Q', (reply) => reply.refuse(401));
    expect(await it.last('[data-act=sign-in]').count()).toBe(0);
    expect(await text(it.last('.notice'))).toContain('No sign-in is set up on this page');
  });
});
