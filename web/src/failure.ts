/**
 * What can go wrong. The codes are those of `docs/wire.md`, and a few of this page's own for what no server can report; the
 * words for each are in the catalogue, in the reader's language.
 */
import { words } from './words';

/** A failure as it is shown and stored. */
export interface Failure {
  code: string;
  /** The service's own words, in English; empty for this page's own codes. */
  text: string;
  retryable: boolean;
  requestId: string | null;
  /** Seconds after which a retry makes sense, and when that was said, in ms since 1970; records of older pages do not say. */
  retryAfter: number | null;
  saidAt?: number;
  /** What the content filter objected to. */
  categories: string[];
}

/** Codes of this page's own. */
export type OwnCode = 'offline' | 'unreachable' | 'cut_off' | 'unreadable' | 'http' | 'interrupted' | 'sign_in_failed' | 'configuration'
  | 'unauthenticated' | 'request_too_large' | 'rate_limited';

/** Codes whose text from the service holds what no words of this page can: which rule, which bound, which name. */
const TELLING = new Set(['invalid_request', 'request_too_large', 'model_not_found', 'upstream_rejected', 'upstream_misconfigured', 'http']);

/** Every code that has words. */
export function codes(): string[] {
  return Object.keys(words.failures);
}

/** Title and advice for a code; a newer service may have codes that this page does not know. */
export function wordsFor(code: string): { title: string; advice: string } {
  const known: Readonly<Record<string, { title: string; advice: string }>> = words.failures;
  return (Object.hasOwn(known, code) ? known[code] : undefined) ?? words.unknownFailure;
}

/** The service's own words, where they say more than this page's. */
export function tellingText(failure: Failure): string {
  const isKnown = Object.hasOwn(words.failures, failure.code);
  return isKnown && !TELLING.has(failure.code) ? '' : failure.text.trim();
}

/** Whether signing in is what helps. */
export function needsSignIn(failure: Failure): boolean {
  return failure.code === 'unauthenticated' || failure.code === 'sign_in_failed';
}

/** A failure that this page found by itself. */
export function ownFailure(code: OwnCode, details: Partial<Failure> = {}): Failure {
  return { code, text: '', retryable: true, requestId: null, retryAfter: null, categories: [], ...details };
}
