/** One floor for Node: what the gate stands on is what every place says, and no locked package wants more. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const FLOORS = ['20.19.0', '22.12.0'];
const ENGINES = '^20.19 || >=22.12';

type Version = [number, number, number];

function version(text: string): Version {
  const [major = 0, minor = 0, patch = 0] = text.replace(/^v/, '').split('.').map((part) => Number.parseInt(part, 10) || 0);
  return [major, minor, patch];
}

const compare = (a: Version, b: Version) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2];

/** Whether a range of npm's holds a version; as far as locked packages write such ranges, and an error beyond. */
function holds(range: string, of: string): boolean {
  const at = version(of);
  return range.split('||').some((alternative) => alternative.replace(/([<>=^~]+)\s+/g, '$1').trim().split(/\s+/).every((comparator) => {
    const [, operator = '', text = ''] = /^(>=|<=|>|<|=|\^|~)?v?([\d.x*]*)$/.exec(comparator) ?? [undefined, '?', ''];
    const wanted = version(text);
    switch (operator) {
      case '>=': return compare(at, wanted) >= 0;
      case '>': return compare(at, wanted) > 0;
      case '<': return compare(at, wanted) < 0;
      case '<=': return compare(at, wanted) <= 0;
      case '^': return at[0] === wanted[0] && compare(at, wanted) >= 0;
      case '~': return at[0] === wanted[0] && at[1] === wanted[1] && compare(at, wanted) >= 0;
      case '': case '=': {
        const parts = text.split('.').filter((part) => /^\d+$/.test(part)).map(Number);
        return parts.every((part, index) => at[index] === part);
      }
      default: throw new Error(`a range that this does not know: ${range}`);
    }
  }));
}

test('ranges are read as npm reads them', () => {
  for (const [range, of, expected] of [
    ['>=18', '20.19.0', true], ['^20.19.0 || >=22.12.0', '20.19.0', true], ['^20.19.0 || >=22.12.0', '21.7.0', false], ['>= 22.13', '22.12.0', false],
    ['20 || >=22', '20.19.0', true], ['*', '20.19.0', true], ['>=14.0.0 <21', '22.12.0', false], ['^18.0.0', '20.19.0', false], ['20.x', '20.19.0', true],
  ] as const) expect([range, of, holds(range, of)]).toEqual([range, of, expected]);
});

test.each(['package-lock.json', 'emulator/package-lock.json'])('no package of %s wants a newer Node', (file) => {
  const { packages } = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, { engines?: { node?: string }; optional?: boolean }> };
  // WebAssembly's variant of the builder is for machines that none of its native ones are for: Node installs it nowhere else.
  const isForWasm = (name: string, optional = false) => optional && name.includes('wasm');
  const ranges = Object.entries(packages).flatMap(([name, { engines, optional }]) => (engines?.node && !isForWasm(name, optional) ? [[name, engines.node] as const] : []));
  expect(ranges.length).toBeGreaterThan(20);
  expect(ranges.filter(([, range]) => !FLOORS.every((floor) => holds(range, floor)))).toEqual([]);
});

test('every place names the same floor', () => {
  const read = (file: string) => readFileSync(file, 'utf8');
  expect((JSON.parse(read('package.json')) as { engines: { node: string } }).engines.node).toBe(ENGINES);
  const sentence = 'Node 20.19, or of the 22 line 22.12, or newer';
  for (const file of ['../README.md', '../xtask/src/web.rs', '../docs/page.md']) expect([file, read(file).includes(sentence)]).toEqual([file, true]);
});
