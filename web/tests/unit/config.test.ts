import { describe, expect, test } from 'vitest';

import { parseConfig } from '../../src/config';
import { readable } from '../../src/view/contrast';

const NO_BRAND = { name: null, welcome: null, intro: null, suggestions: null, notice: null, privacy: null, accent: null };

describe('config.json', () => {
  test('says where the backend is', () => {
    expect(parseConfig({ apiBase: 'https://f.example/', auth: null })).toEqual({ apiBase: 'https://f.example', auth: null, brand: NO_BRAND, feedback: false });
    expect(parseConfig({})).toMatchObject({ apiBase: '', auth: null });
  });

  test.each([null, [], { apiBase: 1 }, { apiBase: 'javascript:x' }, { apiBase: 'nowhere' }, { auth: { clientId: 'a' } }])(
    '%j is refused', (value) => expect(() => parseConfig(value)).toThrow());

  test('says how the page presents itself', () => {
    const { brand, feedback } = parseConfig({
      name: 'Contoso', welcome: ' Hello ', intro: 'I', notice: 'N', privacy: 'https://p.example/', accent: '#0B6E4F', feedback: true,
      suggestions: ['One?', { question: 'Two?', hint: 'h' }, { hint: 'no question' }, 3],
    });
    expect(brand).toEqual({
      name: 'Contoso', welcome: 'Hello', intro: 'I', notice: 'N', privacy: 'https://p.example/', accent: '#0B6E4F',
      suggestions: [{ question: 'One?', hint: '' }, { question: 'Two?', hint: 'h' }],
    });
    expect(feedback).toBe(true);
  });

  test.each([{ privacy: 'javascript:x' }, { privacy: 'http://x' }, { accent: 'url(x)' }, { accent: 'red' }, { name: 7 }, { suggestions: 'x' }])(
    '%j is left out', (value) => expect(parseConfig(value).brand).toEqual(NO_BRAND));
});

test.each(['#ffff00', '#000000', '#808080', '#4a4fc4'])('an accent of %s can be read on light and on dark', (accent) => {
  const luminance = (colour: string) => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i]!, 0);
  for (const background of ['#fbfaf8', '#212328']) {
    const [a, b] = [luminance(readable(accent, background)), luminance(background)].sort((x, y) => y - x) as [number, number];
    expect((a + 0.05) / (b + 0.05)).toBeGreaterThanOrEqual(4.5);
  }
});
