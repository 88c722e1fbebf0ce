/** Numbers are written by hand as the browser would write them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { grouped } from '../../src/words/number';

test.each([['en', ','], ['de', '.'], ['ar-u-nu-latn', ',']])('whole numbers in %s', (language, mark) => {
  const format = new Intl.NumberFormat(language);
  fc.assert(fc.property(fc.nat(Number.MAX_SAFE_INTEGER), (value) => grouped(value, mark) === format.format(value)));
  expect(grouped(1_000, mark)).toBe(`1${mark}000`);
});
