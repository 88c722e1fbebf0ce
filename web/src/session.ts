/** Where the backend is, what it offers, and who asks it. */
import { type Config, loadConfig, NetworkFault } from './config';
import { type Backend, BackendError } from './exchange';
import { ownFailure } from './failure';
import { type Offer, parseOffer } from './offer';
import type { SignIn } from './sign-in';

/** What the page should know about signing in. */
export interface SignInState {
  /** `off`: there is no sign-in here; `broken`: there is, and it does not work. */
  kind: 'off' | 'needed' | 'done' | 'broken' | 'no-config';
  /** By the name that they sign in with. */
  name: string | null;
  /** Whose chats are shown; null where all people of this browser are one. */
  account: string | null;
}

/** The backend of this page. It is read while the page is already there; asking waits for it. */
export class Session implements Backend {
  private loading: Promise<Config> | undefined;
  private signing: Promise<SignIn | null> | undefined;
  private found: Promise<Offer | null> | undefined;

  /** The settings; read once, and again where the network was the reason that they could not be. */
  get config(): Promise<Config> {
    this.loading ??= loadConfig().catch((error: unknown) => {
      if (error instanceof NetworkFault) this.loading = undefined;
      throw error;
    });
    return this.loading;
  }

  private get signer(): Promise<SignIn | null> {
    this.signing ??= this.startSigning().catch((error: unknown) => {
      if (error instanceof NetworkFault) this.signing = undefined;
      throw error;
    });
    return this.signing;
  }

  async url(): Promise<string> {
    return this.address('/api/chat/stream');
  }

  async token(): Promise<string | null> {
    const signer = await this.settled(() => this.signer);
    return signer ? signer.token() : null;
  }

  /** What the service offers; null where it does not tell: then there is no choice, and no limit is known. Asked for once. */
  offer(): Promise<Offer | null> {
    this.found ??= this.askOffer().then((offer) => {
      // Not for ever, as the reason may be a lost connection or a sign-in that is still to come.
      if (!offer) this.found = undefined;
      return offer;
    });
    return this.found;
  }

  /** Tells the program what the reader thinks of an answer. Nothing of the answer travels; throws if it did not arrive. */
  async sendVerdict(requestId: string, verdict: 'up' | 'down'): Promise<void> {
    const response = await fetch(await this.address('/api/feedback'), {
      method: 'POST', cache: 'no-store', redirect: 'error',
      headers: { 'content-type': 'application/json', ...(await this.authorization()) },
      body: JSON.stringify({ request_id: requestId, verdict }),
    });
    if (!response.ok) throw new Error(`feedback: status ${response.status}`);
  }

  async signInState(): Promise<SignInState> {
    try {
      await this.config;
    } catch (error) {
      return { kind: error instanceof NetworkFault ? 'off' : 'no-config', name: null, account: null };
    }
    try {
      const signer = await this.signer;
      if (!signer) return { kind: 'off', name: null, account: null };
      return { kind: signer.name === null ? 'needed' : 'done', name: signer.name, account: signer.id };
    } catch {
      return { kind: 'broken', name: null, account: null };
    }
  }

  /** Leaves for the sign-in page. */
  async signIn(): Promise<void> {
    await (await this.settled(() => this.signer))?.signIn();
  }

  /** Leaves for the sign-out page. */
  async signOut(): Promise<void> {
    await (await this.settled(() => this.signer))?.signOut();
  }

  private async address(path: string): Promise<string> {
    return `${(await this.settled(() => this.config)).apiBase}${path}`;
  }

  private async authorization(): Promise<Record<string, string>> {
    const token = await this.token();
    return token ? { authorization: `Bearer ${token}` } : {};
  }

  private async askOffer(): Promise<Offer | null> {
    try {
      const response = await fetch(await this.address('/api/models'), { headers: await this.authorization(), redirect: 'error' });
      return response.ok ? parseOffer(await response.text()) : null;
    } catch {
      return null;
    }
  }

  private async startSigning(): Promise<SignIn | null> {
    const { auth } = await this.config;
    if (!auth) return null;
    const { SignIn } = await import('./sign-in').catch(() => {
      throw new NetworkFault();
    });
    const signer = new SignIn(auth);
    await signer.start();
    return signer;
  }

  private async settled<Value>(value: () => Promise<Value>): Promise<Value> {
    try {
      return await value();
    } catch (error) {
      if (error instanceof NetworkFault) throw new BackendError(ownFailure(navigator.onLine ? 'unreachable' : 'offline'));
      await this.config.catch(() => {
        throw new BackendError(ownFailure('configuration'));
      });
      throw new BackendError(ownFailure('sign_in_failed'));
    }
  }
}
