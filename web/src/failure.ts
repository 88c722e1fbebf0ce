/**
 * What can go wrong, in words for people. The server's own text says what failed; this adds what to do about it. The
 * codes are those of `docs/wire.md`, and a few of this page's own for what no server can report.
 */

/** A failure as it is shown and stored. */
export interface Failure {
  code: string;
  text: string;
  retryable: boolean;
  requestId: string | null;
  /** Seconds after which a retry makes sense. */
  retryAfter: number | null;
  /** What the content filter objected to. */
  categories: string[];
}

interface Words {
  title: string;
  advice: string;
}

const WORDS = {
  invalid_request: { title: 'The request was refused', advice: 'Edit the message and send it again, or start a new chat.' },
  unauthenticated: { title: 'You are not signed in', advice: 'Sign in, then send your message again.' },
  sign_in_not_configured: { title: 'Sign-in is not set up', advice: 'Only the operator of this service can change that.' },
  forbidden_origin: { title: 'This page may not call the service', advice: 'Only the operator of this service can change that.' },
  not_found: { title: 'The service is not where this page expects it', advice: 'Tell the operator: apiBase in config.json may be wrong.' },
  method_not_allowed: { title: 'The service is not where this page expects it', advice: 'Tell the operator: apiBase in config.json may be wrong.' },
  request_timeout: { title: 'Your message took too long to arrive', advice: 'Check your connection and retry.' },
  request_too_large: { title: 'The conversation is too large', advice: 'Start a new chat, or shorten your message.' },
  unsupported_media_type: { title: 'The request was refused', advice: 'Reload the page; it may be older than the service.' },
  content_filter: { title: 'The content filter refused this', advice: 'Edit your message and say it differently.' },
  context_length_exceeded: { title: 'The conversation is too long for the model', advice: 'Start a new chat, or edit an earlier message.' },
  rate_limited: { title: 'Too many requests', advice: 'Wait a moment, then retry.' },
  overloaded: { title: 'The service is busy', advice: 'Wait a moment, then retry.' },
  identity_unavailable: { title: 'The service could not sign in to the model', advice: 'Retry in a moment; if it stays, tell the operator.' },
  upstream_auth: { title: 'The model refused the service', advice: 'Retry in some minutes; if it stays, tell the operator.' },
  upstream_misconfigured: { title: 'The model was not found', advice: 'Tell the operator.' },
  upstream_rejected: { title: 'The model refused the request', advice: 'Edit your message, or tell the operator.' },
  upstream_error: { title: 'The model failed', advice: 'Retry.' },
  upstream_protocol: { title: 'The model sent something unreadable', advice: 'Tell the operator.' },
  upstream_timeout: { title: 'The model took too long', advice: 'Retry, or ask for less at once.' },
  upstream_truncated: { title: 'The answer broke off', advice: 'Retry.' },
  shutting_down: { title: 'The service is restarting', advice: 'Retry in a moment.' },
  internal: { title: 'The service failed', advice: 'Tell the operator.' },
  // Of the page itself:
  offline: { title: 'You are offline', advice: 'Your message is kept. Retry when you are connected again.' },
  unreachable: { title: 'The service cannot be reached', advice: 'Check your connection and retry.' },
  cut_off: { title: 'The answer was cut off', advice: 'What came is kept. Retry for a whole answer.' },
  unreadable: { title: 'The service sent something unreadable', advice: 'Retry; if it stays, tell the operator.' },
  http: { title: 'The service failed', advice: 'Retry in a moment; if it stays, tell the operator.' },
  interrupted: { title: 'The answer was interrupted', advice: 'What came is kept. Retry for a whole answer.' },
  sign_in_failed: { title: 'You could not be signed in', advice: 'Sign in again, then retry.' },
  configuration: { title: 'This page is not set up', advice: 'Tell the operator: config.json cannot be read.' },
} satisfies Record<string, Words>;

/** Every code that has words. */
export const CODES: readonly string[] = Object.keys(WORDS);

/** Title and advice for a code; a newer service may have codes that this page does not know. */
export function wordsFor(code: string): Words {
  return Object.hasOwn(WORDS, code) ? WORDS[code as keyof typeof WORDS] : { title: 'Something failed', advice: 'Retry; if it stays, tell the operator.' };
}

/** Whether signing in is what helps. */
export function needsSignIn(failure: Failure): boolean {
  return failure.code === 'unauthenticated' || failure.code === 'sign_in_failed';
}

/** A failure that this page found by itself. */
export function ownFailure(code: keyof typeof WORDS, text: string, details: Partial<Failure> = {}): Failure {
  return { code, text, retryable: true, requestId: null, retryAfter: null, categories: [], ...details };
}
