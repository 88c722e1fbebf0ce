/** What stays in the tab while the database has not taken it. */
import { beforeEach, expect, test } from 'vitest';

import { emptyAnswer } from '../../src/answer';
import { addTurn, type Conversation, newConversation, plainQuestion } from '../../src/conversation';
import { forgetUnsaved, keepUnsaved, unsaved } from '../../src/unsaved';

function chat(text: string, updated: number): Conversation {
  const conversation = { ...newConversation(updated), title: text.slice(0, 20) };
  addTurn(conversation, null, plainQuestion(text), emptyAnswer());
  return conversation;
}

const titles = (owner: string | null) => unsaved(owner).map(({ title }) => title);

beforeEach(() => sessionStorage.clear());

test('each account’s is its own, and what nobody was known for is everybody’s', () => {
  keepUnsaved('ada', [chat('of ada', 1)]);
  keepUnsaved(null, [chat('of all', 1)]);
  expect([titles('ada'), titles('bob'), titles(null)]).toEqual([['of ada'], [], ['of all']]);
  keepUnsaved(undefined, [chat('early', 1)]);
  expect(titles('bob')).toEqual(['early']);
});

test('what a page kept that never learned whose it was, the next such page does not write over', () => {
  const first = chat('first', 1);
  keepUnsaved(undefined, [first]);
  keepUnsaved(undefined, [chat('second', 2)]);
  expect(titles(null)).toEqual(['second', 'first']);
  keepUnsaved(undefined, [{ ...first, title: 'first, later' }]);
  expect(titles(null).sort()).toEqual(['first, later', 'second']);
});

test('a known owner’s are replaced and forgotten', () => {
  keepUnsaved('ada', [chat('one', 1)]);
  keepUnsaved('ada', [chat('two', 2)]);
  expect(titles('ada')).toEqual(['two']);
  forgetUnsaved('ada');
  expect(titles('ada')).toEqual([]);
});

test('what does not fit goes, the oldest first', () => {
  keepUnsaved(null, [chat('a'.repeat(900_000), 1), chat('b'.repeat(900_000), 3), chat('c'.repeat(900_000), 2)]);
  expect(unsaved(null).map(({ title }) => title[0])).toEqual(['b', 'c']);
});

test('what somebody else wrote there is nothing', () => {
  for (const odd of ['{', '7', '{"turns":[]}', '[null,{}]']) {
    sessionStorage.setItem('unsaved ', odd);
    expect(unsaved(null)).toEqual([]);
  }
});
