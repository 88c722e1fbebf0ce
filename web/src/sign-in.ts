/** Signing in with Microsoft Entra ID. Loaded only where `config.json` asks for it, and with it all of MSAL. */
import {
  type AccountInfo, CacheLookupPolicy, InteractionRequiredAuthError, PublicClientApplication,
} from '@azure/msal-browser';

import type { AuthConfig } from './config';
import { BackendError } from './exchange';
import { ownFailure } from './failure';

/** A person who signs in, or has. */
export class SignIn {
  private readonly client: PublicClientApplication;
  private readonly scopes: string[];
  private account: AccountInfo | null = null;

  constructor(auth: AuthConfig) {
    this.scopes = [auth.scope];
    this.client = new PublicClientApplication({
      auth: {
        clientId: auth.clientId,
        authority: auth.authority,
        knownAuthorities: [new URL(auth.authority).host],
        redirectUri: `${location.origin}/`,
        postLogoutRedirectUri: `${location.origin}/`,
      },
      cache: { cacheLocation: 'sessionStorage' },
    });
  }

  /** Takes what a redirect brought, if this page load is the way back from one. */
  async start(): Promise<void> {
    await this.client.initialize();
    const result = await this.client.handleRedirectPromise();
    this.account = result?.account ?? this.client.getAllAccounts()[0] ?? null;
  }

  /** Who is signed in, by the name that they sign in with. */
  get name(): string | null {
    return this.account?.username ?? null;
  }

  /** The account, by which its chats are told from those of others at this machine. */
  get id(): string | null {
    return this.account?.homeAccountId ?? null;
  }

  /** Leaves for the sign-in page. */
  async signIn(): Promise<void> {
    await this.client.loginRedirect({ scopes: this.scopes });
  }

  /** Leaves for the sign-out page. Chats stay in this browser, as they do without signing in. */
  async signOut(): Promise<void> {
    await this.client.logoutRedirect({ account: this.account });
  }

  /** A token for the backend, from the cache or renewed. */
  async token(): Promise<string> {
    if (!this.account) throw new BackendError(ownFailure('unauthenticated', { retryable: false }));
    try {
      const result = await this.client.acquireTokenSilent({
        scopes: this.scopes,
        account: this.account,
        // Not the hidden frame: browsers keep it from its cookies, and the policy of this page allows no frames.
        cacheLookupPolicy: CacheLookupPolicy.AccessTokenAndRefreshToken,
      });
      return result.accessToken;
    } catch (error) {
      if (error instanceof InteractionRequiredAuthError) {
        throw new BackendError(ownFailure('unauthenticated', { retryable: false }));
      }
      throw new BackendError(ownFailure('sign_in_failed'));
    }
  }
}
