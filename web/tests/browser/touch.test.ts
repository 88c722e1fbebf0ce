/** On a phone: what fingers meet, and what people read there. */
import { expect, test } from 'vitest';

import { fixture, visible } from './fixture';

const it = fixture({ hasTouch: true, isMobile: true, viewport: { width: 390, height: 800 } });

test('what is touched is 44 px high and wide; that answers may be wrong is said here too', async () => {
  it.backend.offer = { default: 'a', models: [{ name: 'a', images: true, efforts: ['low', 'high'] }, { name: 'b' }] };
  await it.page.reload();
  await visible(it.page.locator('#model'));
  await it.exchange('Q', (reply) => reply.start().think('t').say('A\n\n```js\nlet a;\n```\n').done());
  await it.exchange('Q', (reply) => reply.refuse(500, { error: 'x', code: 'internal', retryable: false, request_id: 'r' }));
  const small = () => it.page.evaluate(() => [...document.querySelectorAll<HTMLElement>('button, select, summary, input:not([type=file])')]
    .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest('[inert]'))
    .map((element) => [element.id || element.className || element.textContent, Math.round(element.getBoundingClientRect().width), Math.round(element.getBoundingClientRect().height)] as const)
    .filter(([, width, height]) => width < 44 || height < 44));
  expect(await small()).toEqual([]);
  await visible(it.page.getByText('Answers may be wrong.'));
  await it.page.click('#toggle-sidebar');
  await visible(it.page.locator('#chats .chat').first());
  expect(await small()).toEqual([]);
});
