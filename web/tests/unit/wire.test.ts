import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { type Answer, emptyAnswer, fail, stop, take } from '../../src/answer';
import { parseConfig } from '../../src/config';
import { afterReload, fileNameFor, messagesFor, newConversation, titleFrom, toMarkdown } from '../../src/conversation';
import { CODES, ownFailure } from '../../src/failure';
import { LineSplitter, MAX_LINE_CHARS } from '../../src/lines';
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
    // The request is the one that is no line of an answer.
    expect(kinds.filter((kind) => kind === 'unknown').length).toBe(1);
  });

  test('has words here for every code', () => {
    const codes = [...WIRE.matchAll(/^\| `([a-z_]+)` \| \d{3}/gm)].map((match) => match[1]);
    expect(codes.length).toBeGreaterThan(20);
    expect(codes.filter((code) => !CODES.includes(code ?? ''))).toEqual([]);
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
  ['the line that sums it up is lost', (answer: Answer) => fail(answer, ownFailure('cut_off', ''))],
  ['the reader stops', stop],
  ['the page is reloaded', (answer: Answer) => void afterReload({ ...newConversation(0), turns: [{ question: 'Q', answer }] })],
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

describe('a conversation', () => {
  test('sends the turns that have an answer, and the question', () => {
    const turn = (question: string, text: string) => ({ question, answer: { ...emptyAnswer(), text, thoughts: 'secret' } });
    expect(messagesFor([turn('a', 'b'), turn('c', ' '), turn('d', '')])).toEqual([
      { role: 'user', content: 'a' }, { role: 'assistant', content: 'b' }, { role: 'user', content: 'd' },
    ]);
  });

  test('has a title, a file name and a Markdown form', () => {
    expect(titleFrom('  one\n two ')).toBe('one two');
    expect(titleFrom('word '.repeat(40)).length).toBeLessThanOrEqual(61);
    expect(titleFrom(`x${'𝄞'.repeat(40)}`)).toBe(`x${'𝄞'.repeat(29)}…`);
    const conversation = { ...newConversation(0), title: 'Äpfel / Birnen?' };
    conversation.turns.push({ question: 'Q', answer: { ...emptyAnswer(), state: 'done', text: 'A', thoughts: 'T' } });
    expect(fileNameFor(conversation)).toMatch(/^A.?pfel-Birnen\.md$/u);
    expect(toMarkdown(conversation)).toBe(
      '# Äpfel / Birnen?\n\n## Question\n\nQ\n\n## Answer\n\n<details>\n<summary>Thoughts</summary>\n\nT\n\n</details>\n\nA\n');
  });
});

describe('config.json', () => {
  test('says where the backend is', () => {
    expect(parseConfig({ apiBase: 'https://f.example/', auth: null })).toEqual({ apiBase: 'https://f.example', auth: null });
    expect(parseConfig({})).toEqual({ apiBase: '', auth: null });
  });
  test.each([null, [], { apiBase: 1 }, { apiBase: 'javascript:x' }, { apiBase: 'nowhere' }, { auth: { clientId: 'a' } }])(
    '%j is refused', (value) => expect(() => parseConfig(value)).toThrow());
});
