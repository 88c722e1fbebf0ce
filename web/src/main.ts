/**
 * The page of a chat with a reasoning model.
 *
 * In reading order: `config` and `session` (where the backend is, who asks), `ask`, `lines`, `wire`, `failure` (a request
 * and what comes back), `answer`, `exchange`, `conversation`, `store` and `memory` (what is kept of it), `app`, `tabs` and
 * `manage` (what a person does), `view/` (what a person sees), `markdown/` (text to elements).
 */
import { App } from './app';
import { byId } from './element';
import { loadRenderer } from './markdown/text';
import { Session } from './session';
import { Store } from './store';
import { countDown } from './view/count-down';
import { fillIcons } from './view/icons';
import { showSuggestions } from './view/suggestions';
import { setUpTheme } from './view/theme';

fillIcons(document);
setUpTheme();
const session = new Session();
const app = new App(session, new Store());
showSuggestions((text) => app.send(text));
countDown(byId('turns', HTMLElement));
void app.openFromAddress();
void showSignIn();
whenIdle(() => void loadRenderer());
byId('question', HTMLTextAreaElement).focus();

/** After the first paint, when nothing else is to do; Safari knows no idle time. */
function whenIdle(work: () => void): void {
  if ('requestIdleCallback' in globalThis) requestIdleCallback(work, { timeout: 2_000 });
  else setTimeout(work, 200);
}

/** A button for those who must sign in, the name of those who did, and a word where the page is not set up. */
async function showSignIn(): Promise<void> {
  const { needed, name, failure } = await session.signInState();
  const button = byId('sign-in', HTMLButtonElement);
  const banner = byId('banner', HTMLElement);
  button.hidden = !needed;
  button.addEventListener('click', () => void session.signIn());
  byId('account', HTMLElement).hidden = name === null;
  byId('account-name', HTMLElement).textContent = name;
  byId('sign-out', HTMLButtonElement).addEventListener('click', () => void session.signOut());
  banner.hidden = failure === null;
  banner.textContent = failure ?? '';
}
