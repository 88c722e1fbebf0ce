/** A turn that is being answered: the request, its answer, and the signs of life in between. */
import { type Answer, fail, isOpen, stop, take } from './answer';
import { ask, type Message } from './ask';
import { type Failure, ownFailure } from './failure';

/** Where the backend is and who asks; a token that cannot be had is a failure like others. */
export interface Backend {
  url(): Promise<string>;
  token(): Promise<string | null>;
}

/** Runs one request and keeps its answer up to date. */
export class Exchange {
  /** When anything last came, and when something of the answer did, by `performance.now()`. Heartbeats are signs, no news. */
  lastSign = performance.now();
  lastNews = this.lastSign;
  private readonly aborter = new AbortController();
  private thinkingSince: number | null = null;
  readonly answer: Answer;
  private readonly onChange: () => void;

  constructor(answer: Answer, onChange: () => void) {
    this.answer = answer;
    this.onChange = onChange;
  }

  /** Asks, and resolves when the answer has its end, whichever it is. Never throws. */
  async run(backend: Backend, messages: readonly Message[]): Promise<void> {
    const failure = await this.ask(backend, messages);
    if (this.thinkingSince !== null && this.answer.state === 'thinking') {
      this.answer.thoughtMs = performance.now() - this.thinkingSince;
    }
    if (failure && isOpen(this.answer)) fail(this.answer, failure);
    this.onChange();
  }

  /** Ends it here. What came is kept. */
  stop(): void {
    if (!isOpen(this.answer)) return;
    stop(this.answer);
    this.aborter.abort();
  }

  /** How long it has thought so far, in ms. */
  thinkingMs(): number {
    return this.thinkingSince === null ? 0 : performance.now() - this.thinkingSince;
  }

  private async ask(backend: Backend, messages: readonly Message[]): Promise<Failure | undefined> {
    try {
      const [url, token] = await Promise.all([backend.url(), backend.token()]);
      const { signal } = this.aborter;
      signal.throwIfAborted();
      return await ask({ url, messages, token, signal }, (lines) => {
        this.lastSign = performance.now();
        for (const line of lines) {
          if (line.kind === 'choice') this.lastNews = this.lastSign;
          if (isOpen(this.answer)) this.thinkingSince = take(this.answer, line, this.thinkingSince, this.lastSign);
        }
        this.onChange();
      });
    } catch (error) {
      if (this.aborter.signal.aborted) return undefined;
      if (error instanceof BackendError) return error.failure;
      return ownFailure('http', 'This page failed while it asked.');
    }
  }
}

/** Why there is nobody to ask. */
export class BackendError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.text);
    this.failure = failure;
  }
}
