/**
 * `config.json`, which the deployment writes and the operator may add to: where the backend is, whether people sign in, and
 * how the page presents itself.
 */

/** Who signs people in, and for what. */
export interface AuthConfig {
  clientId: string;
  authority: string;
  scope: string;
}

/** A question for those who do not know where to begin. */
interface Suggestion {
  question: string;
  hint: string;
}

/** What the operator says of this chat; null leaves it to the page's own words. */
export interface Brand {
  name: string | null;
  welcome: string | null;
  intro: string | null;
  suggestions: readonly Suggestion[] | null;
  /** What everybody should know, above the conversation. */
  notice: string | null;
  /** An https address. */
  privacy: string | null;
  /** `#rrggbb` */
  accent: string | null;
}

/** The page's settings. */
export interface Config {
  /** Origin of the function app; empty when the page's own origin answers `/api`. */
  apiBase: string;
  auth: AuthConfig | null;
  brand: Brand;
  /** Whether readers may say what they think of an answer. */
  feedback: boolean;
}

/** No answer came: another time it may. */
export class NetworkFault extends Error {}

const MAX_SUGGESTIONS = 8;

/** Reads the file. Throws when there is one that says nothing usable: better no chat than one with the wrong backend. */
export async function loadConfig(): Promise<Config> {
  const response = await fetch('config.json', { cache: 'no-store' }).catch(() => {
    throw new NetworkFault();
  });
  // On a developer's machine there may be none.
  if (response.status === 404) return parseConfig({});
  if (!response.ok) throw new Error(`config.json: status ${response.status}`);
  return parseConfig(await response.json());
}

/** Checks what a `config.json` says. */
export function parseConfig(value: unknown): Config {
  const { apiBase = '', auth = null, feedback = false, ...rest } = record(value, 'config.json');
  if (typeof apiBase !== 'string') throw new Error('config.json: apiBase must be text');
  if (apiBase !== '' && !/^https?:$/.test(new URL(apiBase).protocol)) throw new Error('config.json: apiBase must be an http address');
  return { apiBase: apiBase.replace(/\/+$/, ''), auth: auth === null ? null : parseAuth(auth), brand: parseBrand(rest), feedback: feedback === true };
}

/** What is not usable of it is left out: a wrong colour is no reason for a page that does not work. */
function parseBrand(fields: Record<string, unknown>): Brand {
  const text = (name: string): string | null => {
    const found = fields[name];
    return typeof found === 'string' && found.trim() ? found.trim() : null;
  };
  const matching = (name: string, form: RegExp) => {
    const found = text(name);
    return found && form.test(found) ? found : null;
  };
  return {
    name: text('name'), welcome: text('welcome'), intro: text('intro'), notice: text('notice'),
    suggestions: Array.isArray(fields.suggestions) ? fields.suggestions.map(suggestion).filter((item) => item !== null).slice(0, MAX_SUGGESTIONS) : null,
    privacy: matching('privacy', /^https:\/\/[^\s]+$/), accent: matching('accent', /^#[\da-f]{6}$/i),
  };
}

function suggestion(value: unknown): Suggestion | null {
  if (typeof value === 'string' && value.trim()) return { question: value.trim(), hint: '' };
  const { question, hint } = (value ?? {}) as Partial<Suggestion>;
  return typeof question === 'string' && question.trim() ? { question: question.trim(), hint: typeof hint === 'string' ? hint : '' } : null;
}

function parseAuth(value: unknown): AuthConfig {
  const auth = record(value, 'config.json: auth');
  const field = (name: keyof AuthConfig): string => {
    const text = auth[name];
    if (typeof text !== 'string' || !text) throw new Error(`config.json: auth.${name} is missing`);
    return text;
  };
  return { clientId: field('clientId'), authority: field('authority'), scope: field('scope') };
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${what}: not an object`);
  return value as Record<string, unknown>;
}
