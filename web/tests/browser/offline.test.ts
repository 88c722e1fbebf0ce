/** The page without a network, and what of it is new when there is one. */
import { expect, test } from 'vitest';

import { fixture, text, visible } from './fixture';

const it = fixture({ serviceWorkers: 'allow' });
const kept = () => it.page.evaluate(() => navigator.serviceWorker.ready.then(() => true));

test('opens without a network, shows the chats, and says what fails', async () => {
  await it.exchange('Before', (reply) => reply.start().say('Kept **words**.').done());
  await kept();
  await it.page.reload();
  await visible(it.last('.figures'));
  await it.backend.pause();
  await it.page.reload();
  await visible(it.last('.answer strong'));
  expect(await text(it.last('.bubble'))).toBe('Before');
  await it.exchange('Now?');
  expect(await it.last('.notice').getAttribute('data-code')).toBe('unreachable');
  await it.backend.resume();
  it.backend.answer((reply) => reply.start().say('Back.').done());
  await it.last('[data-act=retry]').click();
  await visible(it.page.getByText('Back.'));
});

test('while there is a network, the page’s policy is the server’s own, never a kept one', async () => {
  await kept();
  await it.page.reload();
  const policy = () => it.page.evaluate(() => fetch('/').then((response) => response.headers.get('content-security-policy')));
  expect(await policy()).not.toContain('https://new.example');
  it.backend.allow('https://new.example');
  await it.page.reload();
  expect(await policy()).toContain('https://new.example');
  // Nor is what the operator says of the page.
  it.backend.config = { apiBase: '', auth: null, name: 'Renamed' };
  await it.page.reload();
  await expect.poll(() => it.page.title()).toBe('Renamed');
});
