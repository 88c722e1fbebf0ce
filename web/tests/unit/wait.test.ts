/** How long a reader is told to wait. */
import { expect, test } from 'vitest';

import { emptyAnswer, fail } from '../../src/answer';
import { ownFailure } from '../../src/failure';
import { waitWords } from '../../src/view/count-down';

test.each([
  [0, 'You can retry now.'], [-5_000, 'You can retry now.'], [400, 'You can retry in about 1 s.'], [119_000, 'You can retry in about 119 s.'],
  [120_000, 'You can retry in about 2 min.'], [3_541_000, 'You can retry in about 60 min.'], [7_200_000, 'You can retry in about 2 h.'],
  [86_000_000, 'You can retry in about 24 h.'],
])('%i ms', (ms, said) => expect(waitWords(ms)).toBe(said));

test('a wait is counted from when it was told, also by a page that is loaded later', () => {
  const answer = emptyAnswer();
  const before = Date.now();
  fail(answer, ownFailure('rate_limited', { retryAfter: 3_600 }));
  expect(answer.failure?.saidAt).toBeGreaterThanOrEqual(before);
  fail(answer, ownFailure('http'));
  expect(answer.failure).not.toHaveProperty('saidAt');
});
