import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { type Answer, emptyAnswer, fail, stop, take } from '../../src/answer';
import { addTurn, afterReload, newConversation, plainQuestion } from '../../src/conversation';
import { codes, ownFailure } from '../../src/failure';
import { LineSplitter, MAX_LINE_CHARS } from '../../src/lines';
import { parseOffer } from '../../src/offer';
import { parseFailure, parseLine } from '../../src/wire';

const WIRE = readFileSync('../docs/wire.md', 'utf8');

test('any division of lines into pieces gives the same lines', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('{"a":1}', '\n', '\r\n', 'ä€𝄞', ' ')), fc.array(fc.nat({ max: 80 })), (parts, cuts) => {
      const whole = parts.join('');
      const split = (pieces: string[]) => {
        const splitter = new LineSplitter();
        return [...pieces.flatMap((piece) => splitter.push(piece)), splitter.end()].filter(Boolean);
      };
      const ends = [...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b), whole.length];
      expect(split(ends.map((end, index) => whole.slice(ends[index - 1] ?? 0, end)))).toEqual(split([whole]));
    }),
  );
});

test('a line without an end is waited for up to a bound', () => {
  const splitter = new LineSplitter();
  splitter.push('x'.repeat(MAX_LINE_CHARS));
  expect(splitter.isOverlong).toBe(false);
  splitter.push('x');
  expect(splitter.isOverlong).toBe(true);
  expect(splitter.push('\n')[0]?.length).toBe(MAX_LINE_CHARS + 1);
  expect(splitter.isOverlong).toBe(false);
});

describe('the wire’s own documentation', () => {
  const examples = [...WIRE.matchAll(/```json\n([\s\S]*?)```/g)].flatMap((match) => (match[1] ?? '').trim().split('\n'));

  test('has only lines that are understood', () => {
    const kinds = examples.map((line) => parseLine(line)?.kind);
    expect(new Set(kinds)).toEqual(new Set(['unknown', 'start', 'choice', 'heartbeat', 'done', 'error']));
    // Three are no lines of an answer: the request, what the service offers, and a thumb.
    expect(kinds.filter((kind) => kind === 'unknown').length).toBe(3);
    expect(examples.map(parseOffer).filter((offer) => offer !== null).map(({ byDefault }) => byDefault.name)).toEqual(['thorough']);
  });

  test('has words here for every code', () => {
    const told = [...WIRE.matchAll(/^\| `([a-z_]+)` \| \d{3}/gm)].map((match) => match[1]);
    expect(told.length).toBeGreaterThan(20);
    // Of OpenAI's form alone, which this page does not speak.
    const isOurs = (code: string | undefined) => code !== 'stream_required';
    expect(told.filter(isOurs).filter((code) => !codes().includes(code ?? ''))).toEqual([]);
  });
});

describe('a line', () => {
  test.each(['', 'x', '[]', 'null', '"error"', '{', '1'])('%j is none', (line) => expect(parseLine(line)).toBeUndefined());
  test.each(['{}', '{"later":1}', '{"index":1,"delta":{"content":"x"}}'])('%j is skipped', (line) => expect(parseLine(line)?.kind).toBe('unknown'));
  test('of wrong types does no harm', () => {
    expect(parseLine('{"index":0,"delta":{"content":7,"reasoning_content":null},"finish_reason":1}')).toEqual(
      { kind: 'choice', thoughts: '', text: '', finishReason: null, isFiltered: false });
    expect(parseFailure('{"error":"x"}')).toBeUndefined();
    expect(parseFailure('<html>')).toBeUndefined();
  });
});

test.each([
  ['the line that sums it up is lost', (answer: Answer) => fail(answer, ownFailure('cut_off'))],
  ['the reader stops', stop],
  ['the page is reloaded', (answer: Answer) => {
    const conversation = newConversation(0);
    addTurn(conversation, null, plainQuestion('Q'), answer);
    afterReload(conversation);
  }],
])('a filter’s verdict holds even when %s', (_name, end) => {
  const answer = emptyAnswer();
  const filtered = parseLine('{"index":0,"content_filter_results":{"hate":{"filtered":true}}}');
  const words = parseLine('{"index":0,"delta":{"content":"bad"}}');
  if (!filtered || !words) throw new Error('unreadable');
  take(answer, words, null, 0);
  take(answer, filtered, null, 0);
  end(answer);
  expect(answer).toMatchObject({ text: '', state: 'filtered', failure: null });
});
