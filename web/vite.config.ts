import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { defineConfig, type Plugin } from 'vite';

/** KaTeX offers each font in three formats; every browser that can run this page takes the first. */
const woff2Only: Plugin = {
  name: 'woff2-only',
  enforce: 'pre',
  transform: (code, id) =>
    id.includes('katex.min.css') ? code.replace(/,\s*url\([^)]*\.(?:woff|ttf)\)\s*format\(["'](?:woff|truetype)["']\)/g, '') : null,
};

/** Writes `worker.js` with the list of what the page is made of; fonts and the sign-in are kept when they are used. */
const offline: Plugin = {
  name: 'offline',
  apply: 'build',
  generateBundle: {
    order: 'post',
    handler(_options, bundle) {
      const files = Object.values(bundle).filter(({ fileName }) => /^assets\/(?!sign-in).*\.(?:js|css)$/.test(fileName));
      const source = readFileSync('worker.js', 'utf8');
      const names = ['/', '/theme.js', '/config.json', '/manifest.json', '/favicon.svg', ...files.map(({ fileName }) => `/${fileName}`)];
      const version = createHash('sha256').update(JSON.stringify(names) + source).digest('hex').slice(0, 12);
      const filled = source.replace("/* the build's list */ []", JSON.stringify(names)).replace("/* the build's version */ ''", `'${version}'`);
      this.emitFile({ type: 'asset', fileName: 'worker.js', source: filled });
    },
  },
};

/** Everything of the page but the parts that are imported when they are needed. */
const LATER = /\/src\/(?:markdown\/(?!text|later)|words\/(?:ar|de)\.|sign-in|transfer|manage|image|offline|unclaimed|view\/(?:dialog|tidy|selection|contrast|save-file|count-down))/;
const isOfTheStart = (id: string): boolean => /\/src\/.*\.ts$/.test(id) && !LATER.test(id);

export default defineConfig({
  plugins: [woff2Only, offline],
  build: {
    target: 'es2022',
    // Inlined fonts would be data: addresses, which the content security policy refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        // What the page starts with is one file: in many small ones, as later parts share them, it compresses worse.
        codeSplitting: { groups: [{ name: 'page', test: isOfTheStart }] },
      },
    },
  },
  // `npx vite` with the program running beside it.
  server: { proxy: { '/api': 'http://127.0.0.1:7071' } },
});
