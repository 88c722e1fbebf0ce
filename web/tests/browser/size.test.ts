/** How much script stands between a visitor and the page. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';

import { DIST } from './backend';

/** From the comparison of chat pages that this one is held to. */
const MAX_INITIAL_BYTES = 30_000;

/** A script and all that it imports before it runs; what it imports later (`import(…)`) is not among them. */
function withImports(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  const source = readFileSync(file, 'utf8');
  for (const [, path] of source.matchAll(/\b(?:import|from)\s*["'](\.[^"']+)["']/g)) withImports(join(dirname(file), path ?? ''), found);
  return found;
}

test('the scripts that the page starts with are at most 30 kB, compressed', () => {
  const html = readFileSync(join(DIST, 'index.html'), 'utf8');
  const named = [...html.matchAll(/(?:src|href)="\/([^"]+\.js)"/g)].map(([, path]) => join(DIST, path ?? ''));
  expect(named.length).toBeGreaterThan(0);
  const files = new Set(named.flatMap((file) => [...withImports(file)]));
  const bytes = [...files].reduce((sum, file) => sum + gzipSync(readFileSync(file), { level: 9 }).length, 0);
  console.log(`initial scripts: ${files.size} files, ${bytes} bytes compressed`);
  expect(bytes).toBeLessThanOrEqual(MAX_INITIAL_BYTES);
});
