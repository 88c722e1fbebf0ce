/** One request to the backend: the conversation goes out, lines come in, and it ends well or with a `Failure`. */
import { type Failure, ownFailure } from './failure';
import { LineSplitter } from './lines';
import { type Line, parseFailure, parseLine } from './wire';

/** A part of a message that holds more than text. */
export type Part = { type: 'text'; text: string } | { type: 'image_url'; image_url: { url: string; detail: 'auto' } };

/** A message as it travels: no thoughts, nothing but this. */
export interface Message {
  role: 'user' | 'assistant';
  content: string | Part[];
}

/** What a request needs. */
export interface Request {
  url: string;
  messages: readonly Message[];
  /** What the reader chose; null leaves it to the service. */
  model: string | null;
  effort: string | null;
  /** A bearer token, where the page signs in. */
  token: string | null;
  signal: AbortSignal;
}

/**
 * Asks, and hands over the lines of each read together. Resolves to nothing after `done`, or to what went wrong: whatever
 * comes, and however it ends, it is one of the two. Throws only when the signal was raised.
 */
export async function ask(request: Request, onLines: (lines: Line[]) => void): Promise<Failure | undefined> {
  let response: Response;
  try {
    response = await fetch(request.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(request.token && { authorization: `Bearer ${request.token}` }) },
      body: JSON.stringify({
        messages: request.messages,
        ...(request.model && { model: request.model }),
        ...(request.effort && { reasoning_effort: request.effort }),
      }),
      signal: request.signal,
      // A platform's redirect to a sign-in page would end as a CORS riddle; by name it is a failure like others.
      redirect: 'manual',
      cache: 'no-store',
    });
  } catch {
    // The error's text is the browser's ("Failed to fetch") and tells people nothing.
    request.signal.throwIfAborted();
    return ownFailure(navigator.onLine ? 'unreachable' : 'offline');
  }
  if (response.type === 'opaqueredirect') {
    return ownFailure('unauthenticated', { retryable: false });
  }
  if (!response.ok || !response.body) return failureOf(response);
  return readLines(response.body, request.signal, onLines);
}

/** Failures of this program have a body that says all; those of proxies and platforms have a page, a word, or nothing. */
async function failureOf(response: Response): Promise<Failure> {
  const requestId = response.headers.get('x-request-id');
  const retryAfter = Number(response.headers.get('retry-after')) || null;
  const body = await response.text().catch(() => '');
  const failure = parseFailure(body);
  if (failure) return { ...failure, requestId: failure.requestId ?? requestId, retryAfter: failure.retryAfter ?? retryAfter };
  if (response.status === 401) return ownFailure('unauthenticated', { requestId, retryable: false });
  if (response.status === 413) return ownFailure('request_too_large', { requestId, retryable: false });
  if (response.status === 429) return ownFailure('rate_limited', { requestId, retryAfter });
  return ownFailure('http', { text: `HTTP ${response.status}`, requestId, retryAfter });
}

async function readLines(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  onLines: (lines: Line[]) => void,
): Promise<Failure | undefined> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const splitter = new LineSplitter();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      const texts = done ? [splitter.end()].filter(Boolean) : splitter.push(decoder.decode(value, { stream: true }));
      const ending = handle(texts, done, onLines);
      if (ending !== 'open') return ending;
      if (done) return ownFailure('cut_off');
      if (splitter.isOverlong) return ownFailure('unreadable');
    }
  } catch {
    signal.throwIfAborted();
    return ownFailure('cut_off');
  } finally {
    // Nothing behind the last line is read, and nobody is left writing it.
    reader.cancel().catch(() => {});
  }
}

/** Hands over what can be read. `open`: no line so far ends the answer. */
function handle(texts: string[], isRest: boolean, onLines: (lines: Line[]) => void): Failure | undefined | 'open' {
  const lines: Line[] = [];
  let ending: Failure | undefined | 'open' = 'open';
  for (const text of texts) {
    const line = parseLine(text);
    // A rest that is no line was cut in its middle.
    if (!line) ending = ownFailure(isRest ? 'cut_off' : 'unreadable');
    else if (line.kind === 'error') ending = line.failure;
    else {
      lines.push(line);
      if (line.kind === 'done') ending = undefined;
    }
    if (ending !== 'open') break;
  }
  if (lines.length > 0) onLines(lines);
  return ending;
}
