import { defineConfig, type Plugin } from 'vite';

/** KaTeX offers each font in three formats; every browser that can run this page takes the first. */
const woff2Only: Plugin = {
  name: 'woff2-only',
  enforce: 'pre',
  transform: (code, id) =>
    id.includes('katex.min.css') ? code.replace(/,\s*url\([^)]*\.(?:woff|ttf)\)\s*format\(["'](?:woff|truetype)["']\)/g, '') : null,
};

export default defineConfig({
  plugins: [woff2Only],
  build: {
    target: 'es2022',
    // Inlined fonts would be data: addresses, which the content security policy refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  // `npx vite` with the program running beside it.
  server: { proxy: { '/api': 'http://127.0.0.1:7071' } },
});
