/** Signing in through MSAL with an authority that the test plays, under the policy of a deployment. */
import type { Route } from 'playwright-core';
import { expect, test } from 'vitest';

import { fixture, visible } from './fixture';

const it = fixture();
const AUTHORITY = 'https://login.example/tenant';
const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const CORS = { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' };

/** The parts of an OpenID provider that MSAL asks for. */
function authority() {
  const played = { nonce: '', tokens: 0 };
  const play = async (route: Route): Promise<void> => {
    const url = new URL(route.request().url());
    if (url.pathname.endsWith('/openid-configuration')) {
      return route.fulfill({ headers: CORS, json: {
        issuer: `${AUTHORITY}/v2.0`, authorization_endpoint: `${AUTHORITY}/authorize`, token_endpoint: `${AUTHORITY}/token`,
        end_session_endpoint: `${AUTHORITY}/logout`, jwks_uri: `${AUTHORITY}/keys` } });
    }
    if (url.pathname.endsWith('/authorize')) {
      played.nonce = url.searchParams.get('nonce') ?? '';
      const back = `${url.searchParams.get('redirect_uri')}#code=code-1&state=${encodeURIComponent(url.searchParams.get('state') ?? '')}&client_info=${base64({ uid: 'u', utid: 't' })}`;
      return route.fulfill({ contentType: 'text/html', body: `<a id="back" href="${back.replaceAll('&', '&amp;')}">back</a>` });
    }
    if (url.pathname.endsWith('/token')) {
      played.tokens += 1;
      const now = Math.floor(Date.now() / 1000);
      const idToken = `${base64({ alg: 'none', typ: 'JWT' })}.${base64({ aud: 'client-1', iss: `${AUTHORITY}/v2.0`, sub: 's', oid: 'u', tid: 't',
        nonce: played.nonce, preferred_username: 'ada@example.com', iat: now, nbf: now, exp: now + 3600 })}.x`;
      return route.fulfill({ headers: CORS, json: { token_type: 'Bearer', scope: 'openid profile offline_access api://chat/user_impersonation', expires_in: 3600,
        access_token: 'token-1', refresh_token: 'refresh-1', id_token: idToken, client_info: base64({ uid: 'u', utid: 't' }) } });
    }
    if (url.pathname.endsWith('/logout')) {
      return route.fulfill({ contentType: 'text/html', body: `<a id="back" href="${url.searchParams.get('post_logout_redirect_uri') ?? ''}">back</a>` });
    }
    return route.fulfill({ status: 404, headers: CORS });
  };
  return { played, play };
}

test('a person signs in, comes back, and every question carries the token', async () => {
  const { played, play } = authority();
  await it.page.route('https://login.example/**', play);
  it.backend.allow('https://login.example');
  it.backend.config = { apiBase: '', auth: { clientId: 'client-1', authority: AUTHORITY, scope: 'api://chat/user_impersonation' } };
  await it.page.reload();
  await it.exchange('asked before');
  await it.page.click('#new-chat');
  await it.page.fill('#question', 'typed before');
  await it.page.click('#sign-in');
  await it.page.click('#back');
  await it.page.waitForURL(`${it.backend.url}/**`);
  // What was typed before leaving is still there.
  expect(await it.page.inputValue('#question')).toBe('typed before');
  await expect.poll(() => played.tokens).toBe(1);
  await it.page.getByText('ada@example.com').waitFor();
  expect(await it.page.isVisible('#sign-in')).toBe(false);
  // What was asked before belongs to who signed in.
  await expect.poll(() => it.page.locator('#chats .chat').allInnerTexts()).toEqual(['asked before']);
  await it.page.press('#question', 'Enter');
  await visible(it.last('.figures'));
  expect(it.backend.asked[0]?.authorization).toBe('Bearer token-1');
  await it.exchange('again');
  expect(it.backend.asked[1]?.authorization).toBe('Bearer token-1');
  expect(played.tokens).toBe(1);
  // An answer is held until it is stored.
  await expect.poll(() => it.page.evaluate(async () => (await navigator.locks.query()).held?.length)).toBe(0);
  await it.page.reload();
  // Asked before the chat is loaded, it goes into it.
  await it.exchange('after a reload');
  await expect.poll(() => it.page.locator('.turn').count()).toBe(3);
  await visible(it.last('.figures'));
  expect(it.backend.asked[2]?.authorization).toBe('Bearer token-1');
  await it.page.click('#sign-out');
  await it.page.click('#back');
  await it.page.waitForURL(`${it.backend.url}/**`);
  await visible(it.page.locator('#sign-in'));
  expect(await it.page.isVisible('#account')).toBe(false);
  // The next person at this machine sees nothing of it.
  await it.page.getByText('No chats yet').waitFor();
  expect(await it.page.locator('#chats li').count()).toBe(0);
  await it.exchange('signed out');
  expect(it.backend.asked.length).toBe(3);
});
