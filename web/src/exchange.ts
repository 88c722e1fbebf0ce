/** A turn that is being answered: the request, its answer, and the signs of life in between. */
import { type Answer, fail, isOpen, stop, take } from './answer';
import { ask, type Message } from './ask';
import { type Failure, ownFailure } from './failure';
import { isLeaving } from './leaving';

/** What is asked, once it is known: images are read from the store. */
export interface Asking {
  messages: readonly Message[];
  model: string | null;
  effort: string | null;
}

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
  async run(backend: Backend, asking: Promise<Asking>): Promise<void> {
    const failure = await this.ask(backend, asking);
    if (this.thinkingSince !== null && this.answer.state === 'thinking') {
      this.answer.thoughtMs = performance.now() - this.thinkingSince;
    }
    // A page that is being left loses its connections, in some browsers before it hears that it goes: the answer stays open,
    // and is one that was interrupted when the page comes back.
    if (failure && isOpen(this.answer) && !isLeaving()) fail(this.answer, failure);
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

  private async ask(backend: Backend, asking: Promise<Asking>): Promise<Failure | undefined> {
    try {
      const [url, token, { messages, model, effort }] = await Promise.all([backend.url(), backend.token(), asking]);
      const { signal } = this.aborter;
      signal.throwIfAborted();
      return await ask({ url, messages, model, effort, token, signal }, (lines) => {
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
      return ownFailure('http');
    }
  }
}

/** Why there is nobody to ask. */
export class BackendError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.code);
    this.failure = failure;
  }
}
