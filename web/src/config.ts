/** `config.json`, which the deployment writes: where the backend is, and whether people sign in. */

/** Who signs people in, and for what. */
export interface AuthConfig {
  clientId: string;
  authority: string;
  scope: string;
}

/** The page's settings. */
export interface Config {
  /** Origin of the function app; empty when the page's own origin answers `/api`. */
  apiBase: string;
  auth: AuthConfig | null;
}

/** What holds when there is no file, as on a developer's machine. */
const LOCAL: Config = { apiBase: '', auth: null };

/** Reads the file. Throws when there is one that says nothing usable: better no chat than one with the wrong backend. */
export async function loadConfig(): Promise<Config> {
  const response = await fetch('config.json', { cache: 'no-store' });
  if (response.status === 404) return LOCAL;
  if (!response.ok) throw new Error(`config.json: status ${response.status}`);
  return parseConfig(await response.json());
}

/** Checks what a `config.json` says. */
export function parseConfig(value: unknown): Config {
  const { apiBase = '', auth = null } = record(value, 'config.json');
  if (typeof apiBase !== 'string') throw new Error('config.json: apiBase must be text');
  if (apiBase !== '' && !/^https?:$/.test(new URL(apiBase).protocol)) throw new Error('config.json: apiBase must be an http address');
  return { apiBase: apiBase.replace(/\/+$/, ''), auth: auth === null ? null : parseAuth(auth) };
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
