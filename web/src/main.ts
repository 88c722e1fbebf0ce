/**
 * The page of a chat with a reasoning model.
 *
 * In reading order: `words/` (what the page itself says), `config`, `session` and `offer` (where the backend is, who asks,
 * what there is to choose), `ask`, `lines`, `wire`, `failure` (a request and what comes back), `answer`, `exchange`,
 * `conversation`, `messages` and `outgoing` (what is sent of it), `attachment`, `image` and `image-header` (what comes with a
 * question), `database`, `opening`, `store`, `memory`, `unsaved`, `transfer` and `unclaimed` (what is kept, and carried away), `chats`,
 * `tabs`, `leaving` and `idle` (all of it at work), `app` with `shown`, `offering`, `acts`, `place` and `manage` (what a person does),
 * `view/` (what a person sees), `markdown/` (text to elements), `offline` (the page without a network).
 */
import { App } from './app';
import { plainQuestion } from './conversation';
import { byId } from './element';
import { whenIdle } from './idle';
import { watchLeaving } from './leaving';
import { loadRenderer } from './markdown/text';
import { Session } from './session';
import { Store } from './store';
import { showBrand } from './view/brand';
import { fillIcons } from './view/icons';
import { setUpPrinting } from './view/print';
import { setUpTheme } from './view/theme';
import { tellTrouble } from './view/trouble';
import { chooseWords, fillWords, words } from './words';

// What takes its time is asked for first: the settings, and the database.
const session = new Session();
const store = new Store(session.signInState().then(({ account }) => account), tellTrouble);
// Not awaited: a language's words import from this script, and would wait for its end as it did for theirs.
void chooseWords(navigator.languages).then(start);

/** Makes the page what it is, in the reader's language. */
function start(): void {
  fillWords(document);
  fillIcons(document);
  setUpTheme();
  watchLeaving();
  const app = new App(session, store);
  setUpPrinting(() => app.renderAll());
  void app.openFromAddress();
  void showOperatorsPart(app);
  void showSignIn();
  whenIdle(() => loadTheRest(app));
  byId('question', HTMLTextAreaElement).focus();
}

/** Without a network the page does without these: copies are as the browser makes them, and no wait is counted. */
function loadTheRest(app: App): void {
  const turns = byId('turns', HTMLElement);
  void loadRenderer();
  app.prepare().catch(() => {});
  import('./view/selection').then(({ cleanCopies }) => cleanCopies(turns), () => {});
  import('./view/count-down').then(({ countDown }) => countDown(turns), () => {});
  if (import.meta.env.PROD) import('./offline').then(({ keepForOffline }) => keepForOffline(), () => {});
}

/** The page's own words until the operator's are there would be seen to change; so there are none until then. */
async function showOperatorsPart(app: App): Promise<void> {
  const config = await session.config.catch(() => null);
  const none = { name: null, welcome: null, intro: null, suggestions: null, notice: null, privacy: null, accent: null };
  showBrand(config?.brand ?? none, (text) => app.send(plainQuestion(text)));
  app.setName(config?.brand.name ?? words.appName);
}

/** A button for those who must sign in, the name of those who did, and a word where the page is not set up. */
async function showSignIn(): Promise<void> {
  const { kind, name } = await session.signInState();
  const button = byId('sign-in', HTMLButtonElement);
  const banner = byId('banner', HTMLElement);
  button.hidden = kind !== 'needed' && kind !== 'broken';
  button.addEventListener('click', () => void session.signIn());
  byId('account', HTMLElement).hidden = name === null;
  byId('account-name', HTMLElement).textContent = name;
  byId('sign-out', HTMLButtonElement).addEventListener('click', () => void session.signOut());
  banner.textContent = kind === 'no-config' ? words.noPage : kind === 'broken' ? words.signInBroken : '';
  banner.hidden = banner.textContent === '';
}
