import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { MarkdownStream, renderMarkdown } from '../../src/markdown/stream';
import { TEXTS } from './texts';

/** What a node looks like: attributes by name, text nodes that touch as one. */
function shape(node: Node): string {
  if (!(node instanceof HTMLElement)) return node.textContent ?? '';
  const attributes = [...node.attributes].map(({ name, value }) => ` ${name}=${JSON.stringify(value)}`).sort().join('');
  return `<${node.localName}${attributes}>${[...node.childNodes].map(shape).join('')}</>`;
}

function inOneShot(source: string): string {
  const root = document.createElement('div');
  renderMarkdown(root, source);
  return shape(root);
}

/** Pieces of a text, with the live view rendered behind some of them. */
function streamed(source: string, cuts: readonly number[], renders: (index: number) => boolean): string {
  const root = document.createElement('div');
  const stream = new MarkdownStream(root);
  const ends = [...cuts.map((cut) => cut % (source.length + 1)).sort((a, b) => a - b), source.length];
  let start = 0;
  for (const [index, end] of ends.entries()) {
    stream.push(source.slice(start, end));
    if (renders(index)) stream.render();
    start = end;
  }
  stream.end();
  return shape(root);
}

describe('any division of a text into pieces gives the same elements as the whole', () => {
  for (const [name, source] of Object.entries(TEXTS)) {
    test(`${name}, character by character`, () => {
      const cuts = Array.from({ length: source.length }, (_, index) => index);
      expect(streamed(source, cuts, () => true)).toBe(inOneShot(source));
    });
    test(`${name}, at random`, () => {
      fc.assert(
        fc.property(fc.array(fc.nat({ max: Math.max(1, source.length) })), fc.nat(), (cuts, seed) => {
          expect(streamed(source, cuts, (index) => ((seed >> index % 16) & 1) === 0)).toBe(inOneShot(source));
        }),
        { numRuns: 60, seed: Number(process.env.SEED ?? 20_261_123) },
      );
    });
  }

  test('an empty item behind a paragraph, which is a list only until its next line comes', () => {
    const source = 'a\n1. \n- a';
    for (let cut = 0; cut <= source.length; cut++) {
      expect(streamed(source, [cut], () => true), `cut at ${cut}`).toBe(inOneShot(source));
    }
  });

  test('made of random Markdown', () => {
    const word = fc.constantFrom('a', 'b ', '**', '*', '`', '_', '[', '](', ')', 'https://x.org', '\n', '\n\n', '\n- ',
      '\n1. ', '\n> ', '\n# ', '\n```\n', '\n~~~\n', '\n    ', '  ', '|', '\n|-|-|\n', '\n---\n', '\n===\n', '$', '$$', '\n$$\n',
      '\\(', '\\)', '\\[', '\\]', '\\', '<b>', '<a>', '<div>', '\n<div>\n', '<!--', '-->', '&lt;', '注意：', '\t', '\n[x]: y\n', '[x]', '\n<details>\n',
      '</details>', '\n\\begin{align}\n', '\\end{align}', '\n[^1]: ', '[^1]', '<sub>', '</sub>', '~', '\\ce{', '}', 'سلام');
    fc.assert(
      fc.property(fc.array(word, { maxLength: 40 }), fc.array(fc.nat({ max: 200 }), { maxLength: 60 }), (words, cuts) => {
        const source = words.join('');
        expect(streamed(source, cuts, () => true)).toBe(inOneShot(source));
      }),
      // The gate tries the same for everybody; SEED=… tries others.
      { numRuns: 3_000, seed: Number(process.env.SEED ?? 20_261_123) },
    );
  }, 120_000);
});
