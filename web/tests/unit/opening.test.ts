/** Which database is opened while it is found out whose chats are to be shown. */
import { beforeEach, expect, test, vi } from 'vitest';

import { openNamed } from '../../src/opening';

/** Names of what is open, in the order in which it was opened. */
const open: string[] = [];

vi.mock('../../src/database', () => ({
  openDatabase: (name: string) => {
    if (name === 'broken') return Promise.reject(new Error('no database'));
    open.push(name);
    return Promise.resolve({ name, close: () => open.splice(open.indexOf(name), 1) });
  },
}));

beforeEach(() => {
  localStorage.clear();
  open.length = 0;
});

test('the first time nothing is known: what is wanted is opened when it is', async () => {
  const opening = openNamed(Promise.resolve('hers'));
  expect(open).toEqual([]);
  expect(await opening).toMatchObject({ name: 'hers' });
});

test('what was open last time is opened at once, and taken where it is wanted again', async () => {
  await openNamed(Promise.resolve('hers'));
  open.length = 0;
  const opening = openNamed(Promise.resolve('hers'));
  expect(open).toEqual(['hers']);
  expect(await opening).toMatchObject({ name: 'hers' });
  expect(open).toEqual(['hers']);
});

test('nobody gets what another person had open: it is closed, and the next time theirs is opened at once', async () => {
  await openNamed(Promise.resolve('hers'));
  open.length = 0;
  expect(await openNamed(Promise.resolve('his'))).toMatchObject({ name: 'his' });
  expect(open).toEqual(['his']);
  open.length = 0;
  void openNamed(new Promise(() => {}));
  expect(open).toEqual(['his']);
});

test('that the one of last time cannot be opened is no reason for another', async () => {
  localStorage.setItem('database', 'broken');
  expect(await openNamed(Promise.resolve('his'))).toMatchObject({ name: 'his' });
  localStorage.setItem('database', 'broken');
  await expect(openNamed(Promise.resolve('broken'))).rejects.toThrow('no database');
});
