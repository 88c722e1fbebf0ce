/** Colours that can be read. */

/** What WCAG asks of text. */
const ENOUGH = 4.6;

type Rgb = [number, number, number];

/** The colour, moved towards black or white until it can be read on `background`. Both are `#rrggbb`. */
export function readable(colour: string, background: string): string {
  const from = parse(colour);
  const on = parse(background);
  const towards = luminance(on) > 0.4 ? 0 : 255;
  for (let share = 0; share < 1; share += 0.05) {
    const mixed = from.map((part) => Math.round(part + (towards - part) * share)) as Rgb;
    if (contrast(mixed, on) >= ENOUGH) return `#${mixed.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
  }
  return towards === 0 ? '#000000' : '#ffffff';
}

function parse(colour: string): Rgb {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16)) as Rgb;
}

function contrast(one: Rgb, other: Rgb): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: Rgb): number {
  const [red = 0, green = 0, blue = 0] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
