/** Where the backend is and who asks it, as `config.json` says. */
import { type Config, loadConfig } from './config';
import { type Backend, BackendError } from './exchange';
import { ownFailure } from './failure';
import type { SignIn } from './sign-in';

/** The backend of this page. It is read while the page is already there; asking waits for it. */
export class Session implements Backend {
  private readonly config: Promise<Config>;
  private readonly signer: Promise<SignIn | null>;

  constructor() {
    this.config = loadConfig();
    this.signer = this.config.then(async ({ auth }) => {
      if (!auth) return null;
      const { SignIn } = await import('./sign-in');
      const signer = new SignIn(auth);
      await signer.start();
      return signer;
    });
    // Both are awaited where they are needed; until then a failure is no unhandled one.
    this.signer.catch(() => {});
  }

  async url(): Promise<string> {
    return `${(await this.settled(this.config)).apiBase}/api/chat/stream`;
  }

  async token(): Promise<string | null> {
    const signer = await this.settled(this.signer);
    return signer ? signer.token() : null;
  }

  /** What the page should know about signing in: nothing to do, who did, or that somebody must. */
  async signInState(): Promise<{ needed: boolean; name: string | null; failure: string | null }> {
    try {
      await this.config;
    } catch (error) {
      return { needed: false, name: null, failure: `This page is not set up: ${error instanceof Error ? error.message : 'config.json cannot be read'}` };
    }
    try {
      const signer = await this.signer;
      return { needed: signer !== null && signer.name === null, name: signer?.name ?? null, failure: null };
    } catch {
      return { needed: true, name: null, failure: 'Signing in failed. Reload the page and try again.' };
    }
  }

  /** Leaves for the sign-in page. */
  async signIn(): Promise<void> {
    await (await this.settled(this.signer))?.signIn();
  }

  /** Leaves for the sign-out page. */
  async signOut(): Promise<void> {
    await (await this.settled(this.signer))?.signOut();
  }

  private async settled<Value>(value: Promise<Value>): Promise<Value> {
    try {
      return await value;
    } catch {
      await this.config.catch(() => {
        throw new BackendError(ownFailure('configuration', 'config.json cannot be read.'));
      });
      throw new BackendError(ownFailure('sign_in_failed', 'Signing in failed.'));
    }
  }
}
