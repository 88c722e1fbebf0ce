/** Makes the page open without a network. A browser that does not allow it, or knows no such thing, has the page as before. */

/** Of Trusted Types, what this needs. */
interface Policy {
  createScriptURL(url: string): string;
}

interface PolicyFactory {
  createPolicy(name: string, rules: Policy): Policy;
}

/** The only address that may become a script in this page by other means than its own files. */
const WORKER = '/worker.js';

/** Sees to it that what the page is made of is kept. */
export function keepForOffline(): void {
  if (!('serviceWorker' in navigator)) return;
  // The policy forbids scripts by address, but through this one name, which it gives away once.
  const { trustedTypes } = globalThis as { trustedTypes?: PolicyFactory };
  const policy = trustedTypes?.createPolicy('offline', { createScriptURL: (url) => (url === WORKER ? url : '') });
  navigator.serviceWorker.register(policy?.createScriptURL(WORKER) ?? WORKER).catch(() => {});
}
