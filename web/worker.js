/**
 * The page without a network. Whatever the network answers goes first, with its own headers, so that neither the page nor
 * its policy is ever an old one while there is a network; what was kept is for when there is none. Files whose names change
 * with their content are the exception: they cannot be old. Calls to the service pass by.
 *
 * The build writes the list of files and its version into this. A new edition waits until no tab of the old one is left,
 * since that may still want its own files.
 */
const FILES = /* the build's list */ [];
const CACHE = `page ${/* the build's version */ ''}`;

addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES.map((file) => new Request(file, { cache: 'reload' })))));
});

addEventListener('activate', (event) => {
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter((name) => name.startsWith('page ') && name !== CACHE).map((name) => caches.delete(name)))));
});

addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin || /^\/(?:api|\.auth)\//.test(url.pathname)) return;
  event.respondWith(url.pathname.startsWith('/assets/') ? keptFirst(request) : networkFirst(request));
});

async function keptFirst(request) {
  return (await caches.match(request)) ?? keep(request, await fetch(request));
}

async function networkFirst(request) {
  try {
    return keep(request, await fetch(request));
  } catch (error) {
    // Every address of this page is the same file.
    const kept = await caches.match(request.mode === 'navigate' ? '/' : request, { ignoreSearch: true });
    if (kept) return kept;
    throw error;
  }
}

/** Answers of this page's own files are kept; errors and redirects are not. */
async function keep(request, response) {
  if (response.ok && response.type === 'basic' && !response.redirected) {
    const key = request.mode === 'navigate' ? '/' : request;
    const copy = response.clone();
    await caches.open(CACHE).then((cache) => cache.put(key, copy)).catch(() => {});
  }
  return response;
}
