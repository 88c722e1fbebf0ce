import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['tests/unit/**/*.test.ts'], environment: 'happy-dom' } },
      {
        test: {
          name: 'browser',
          include: ['tests/browser/**/*.test.ts'],
          environment: 'node',
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // A busy machine takes its time.
          expect: { poll: { timeout: 15_000 } },
          // Two cores, and figures that mean something: one browser at a time.
          fileParallelism: false,
        },
      },
      // Not tests, but the same browser: pictures for the README, figures for docs/performance-page.md.
      { test: { name: 'screenshots', include: ['tests/screenshots/**/*.test.ts'], environment: 'node', testTimeout: 120_000 } },
      { test: { name: 'bench', include: ['tests/bench/**/*.test.ts'], environment: 'node', testTimeout: 600_000, hookTimeout: 60_000, fileParallelism: false } },
    ],
  },
});
