/** Versions, what is sent of a conversation, and what is carried away of it. */
import { describe, expect, test } from 'vitest';

import { emptyAnswer } from '../../src/answer';
import { fenced } from '../../src/attachment';
import { addTurn, type Conversation, dropFailedTry, newConversation, pathOf, plainQuestion, showVersion, titleFrom, type Turn, versionsOf } from '../../src/conversation';
import { restored } from '../../src/database';
import { ownFailure } from '../../src/failure';
import { fullness, messagesOf, newestThatFit, plan, sizeOf } from '../../src/messages';
import { NO_LIMITS, parseOffer } from '../../src/offer';
import { fileNameFor, fromJson, toJson, toMarkdown } from '../../src/transfer';

const answered = (text: string) => ({ ...emptyAnswer(), state: 'done' as const, text, thoughts: 'secret' });
const image = (id: string, bytes = 3_000) => ({ id, name: `${id}.png`, width: 10, height: 10, bytes });

function chat(...questions: [question: string, answer: string][]): Conversation {
  const conversation = { ...newConversation(0), title: 'T' };
  let parent: string | null = null;
  for (const [question, answer] of questions) parent = addTurn(conversation, parent, plainQuestion(question), answered(answer)).id;
  return conversation;
}

const texts = (conversation: Conversation) => pathOf(conversation).map(({ text, answer }) => `${text}=${answer.text}`);

describe('versions', () => {
  test('another answer and another question stand beside what was there, with all that followed it', () => {
    const conversation = chat(['a', '1'], ['b', '2'], ['c', '3']);
    const [first, second] = pathOf(conversation) as [Turn, Turn, Turn];
    const again = addTurn(conversation, first.id, plainQuestion('b'), answered('2b'));
    expect(texts(conversation)).toEqual(['a=1', 'b=2b']);
    expect(versionsOf(conversation, again)).toMatchObject({ answers: [second, again], questions: [again] });
    const edited = addTurn(conversation, null, plainQuestion('A'), answered('!'));
    expect(texts(conversation)).toEqual(['A=!']);
    expect(versionsOf(conversation, edited).questions.map(({ text }) => text)).toEqual(['a', 'A']);
    showVersion(conversation, first);
    expect(texts(conversation)).toEqual(['a=1', 'b=2b']);
    showVersion(conversation, second);
    expect(texts(conversation)).toEqual(['a=1', 'b=2', 'c=3']);
  });

  test('a try that fails without a word gives way to the good answer, and says why', () => {
    const conversation = chat(['a', '1']);
    const [good] = pathOf(conversation) as [Turn];
    const failed = addTurn(conversation, null, plainQuestion('a'), { ...emptyAnswer(), state: 'failed', failure: ownFailure('rate_limited') });
    expect(dropFailedTry(conversation, failed)).toBe(true);
    expect(pathOf(conversation)).toEqual([good]);
    expect(good.failedTry?.code).toBe('rate_limited');
  });

  test('a try that brought words, and a failed other question, stay', () => {
    const conversation = chat(['a', '1']);
    const half = addTurn(conversation, null, plainQuestion('a'), { ...answered('half'), state: 'failed' });
    expect(dropFailedTry(conversation, half)).toBe(false);
    const other = addTurn(conversation, null, plainQuestion('b'), { ...emptyAnswer(), state: 'failed' });
    expect(dropFailedTry(conversation, other)).toBe(false);
    expect(conversation.turns.length).toBe(3);
  });

  test('a record whose turns follow each other in a circle has a path that ends', () => {
    const conversation = chat(['a', '1'], ['b', '2']);
    const [first, second] = conversation.turns as [Turn, Turn];
    first.parent = second.id;
    expect(pathOf(conversation)).toEqual([]);
    first.parent = null;
    second.id = first.id;
    expect(pathOf(conversation).length).toBeLessThan(4);
  });
});

describe('what is sent', () => {
  test('is the turns that have an answer, and the question', () => {
    const turns = pathOf(chat(['a', 'b'], ['c', ' '], ['d', '']));
    expect(messagesOf(plan(turns, false, NO_LIMITS), () => undefined)).toEqual([
      { role: 'user', content: 'a' }, { role: 'assistant', content: 'b' }, { role: 'user', content: 'd' }]);
  });

  test('holds files in fences that nothing in them ends', () => {
    expect(fenced({ name: 'a `b`.md', text: 'x\n````\ny' })).toBe('a b.md:\n`````\nx\n````\ny\n`````');
  });

  test('holds the newest images that the limits allow; the others are named as removed', () => {
    const conversation = chat(['a', '1'], ['b', '2']);
    const [first, second] = pathOf(conversation) as [Turn, Turn];
    first.images = [image('i1'), image('i2')];
    second.images = [image('i3')];
    const limits = { ...NO_LIMITS, images: 2 };
    const urlOf = (id: string) => `data:image/png;base64,${id}`;
    expect(messagesOf(plan([first, second], true, limits), urlOf)).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'a' }, { type: 'image_url', image_url: { url: 'data:image/png;base64,i2', detail: 'auto' } }, { type: 'text', text: '[image removed]' }] },
      { role: 'assistant', content: '1' },
      { role: 'user', content: [{ type: 'text', text: 'b' }, { type: 'image_url', image_url: { url: 'data:image/png;base64,i3', detail: 'auto' } }] }]);
    // A model that takes none gets none, as text.
    expect(messagesOf(plan([second], false, limits), urlOf)).toEqual([{ role: 'user', content: 'b\n\n[image removed]' }]);
    // A body that is bounded bounds them as well.
    expect(plan([first, second], true, { ...NO_LIMITS, requestBytes: 5_000 }).flatMap(({ images }) => images.map(({ id }) => id))).toEqual(['i3']);
  });

  test('is measured before it is sent, and the newest turns find room again', () => {
    const turns = pathOf(chat(...Array.from({ length: 100 }, (_, index): [string, string] => [`question ${index}`, `answer ${index}`])));
    const limits = { ...NO_LIMITS, messages: 200, characters: 400_000 };
    expect(fullness(sizeOf(plan(turns, false, limits)), limits)).toBeCloseTo(199 / 200);
    const from = newestThatFit(turns, limits);
    const left = turns.slice(turns.findIndex(({ id }) => id === from));
    expect(left.length).toBe(49);
    expect(newestThatFit(turns.slice(0, 3), { ...NO_LIMITS, characters: 10 })).toBe(turns[2]?.id);
    expect(newestThatFit(turns, NO_LIMITS)).toBe(turns[50]?.id);
  });

  test('counts bytes as UTF-8 has them', () => {
    const [turn] = pathOf(chat(['ä€𝄞"', '']));
    expect(sizeOf(plan([turn as Turn], false, NO_LIMITS)).bytes).toBe(60 + new TextEncoder().encode('ä€𝄞').length + 2);
  });
});

describe('what is carried away', () => {
  test('has a title, a file name and a Markdown form', () => {
    expect(titleFrom(plainQuestion('  one\n two '))).toBe('one two');
    expect(titleFrom(plainQuestion('word '.repeat(40))).length).toBeLessThanOrEqual(61);
    expect(titleFrom(plainQuestion(`x${'𝄞'.repeat(40)}`))).toBe(`x${'𝄞'.repeat(29)}…`);
    expect(fileNameFor('Äpfel / Birnen?', 'md')).toMatch(/^A.?pfel-Birnen\.md$/u);
    expect(toMarkdown(chat(['Q', 'A']))).toBe('# T\n\n## Question\n\nQ\n\n## Answer\n\n<details>\n<summary>Thoughts</summary>\n\nsecret\n\n</details>\n\nA\n');
  });

  test('comes back by JSON with all its versions and images, and with another identity', () => {
    const conversation = chat(['a', '1'], ['b', '2']);
    const [first, second] = pathOf(conversation) as [Turn, Turn];
    second.images = [image('i1')];
    addTurn(conversation, first.id, plainQuestion('B'), answered('2b'));
    showVersion(conversation, second);
    conversation.from = second.id;
    const url = 'data:image/png;base64,iVBORw0KGgo=';
    const back = fromJson(toJson({ conversations: [conversation], images: [{ id: 'i1', chat: conversation.id, added: 1, url }] }));
    const [copy] = back?.conversations ?? [];
    expect(copy && texts(copy)).toEqual(['a=1', 'b=2']);
    expect(copy?.turns.length).toBe(3);
    expect(copy?.id).not.toBe(conversation.id);
    expect(copy?.from).toBe(copy && pathOf(copy)[1]?.id);
    expect(back?.images).toEqual([{ id: copy && pathOf(copy)[1]?.images[0]?.id, chat: copy?.id, added: 1, url }]);
  });

  test.each(['', '[]', '{}', '{"format":"reasoning-chat"}', '{"format":"other","conversations":[]}', 'null'])('%j is no such file', (json) => expect(fromJson(json)).toBeNull());

  test('a file brings no address of somebody else’s server, and nothing of the wrong kind', () => {
    const file = JSON.stringify({ format: 'reasoning-chat', conversations: [{ id: 'x', turns: [{ question: 7 }] }, 'x', null],
      images: [{ id: 'i', chat: 'c', added: 1, url: 'https://evil.example/x.png' }, { id: 'j', chat: 'c', added: 1, url: 'data:image/svg+xml;base64,PHN2Zz4=' }] });
    expect(fromJson(file)).toEqual({ conversations: [], images: [] });
  });

  test('a record of an older edition becomes a chain of turns', () => {
    const old = restored({ id: 'c', title: 'Old', isNamed: false, created: 1, updated: 2, turns: [
      { question: 'a', answer: { state: 'done', text: '1', thoughts: '' } }, { question: 'b', answer: { state: 'done', text: '2' } }] });
    expect(old && texts(old)).toEqual(['a=1', 'b=2']);
    expect(old?.turns[1]?.answer).toMatchObject({ thoughts: '', told: null, model: null });
  });
});

describe('the offer', () => {
  test('names models and limits', () => {
    const offer = parseOffer(JSON.stringify({ default: 'fast', models: [
      { name: 'thorough', title: 'Thorough', efforts: ['low', 'high'], effort: 'high', images: true }, { name: 'fast' }, { title: 'nameless' }],
    limits: { messages: 200, characters: 400_000, request_bytes: 8_388_608, images: 10, image_bytes: 4_194_304 } }));
    expect(offer?.models.map(({ name, title, images }) => [name, title, images])).toEqual([['thorough', 'Thorough', true], ['fast', 'fast', false]]);
    expect(offer?.byDefault.name).toBe('fast');
    expect(offer?.limits).toEqual({ messages: 200, characters: 400_000, requestBytes: 8_388_608, images: 10, imageBytes: 4_194_304 });
  });

  test.each(['', '{}', '{"models":[]}', '<html>', '{"models":{}}'])('%j is none', (json) => expect(parseOffer(json)).toBeNull());
});
