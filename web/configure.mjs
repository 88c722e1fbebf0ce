/**
 * Writes what a deployment knows into a built page: `node configure.mjs [dist]`, with API_URL, AUTH_CLIENT_ID,
 * AUTH_AUTHORITY and AUTH_SCOPE from the environment, where unset means the default. It changes two files, because one
 * without the other does nothing: `config.json` says where to ask, and the policy in `staticwebapp.config.json` allows it.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const folder = process.argv[2] ?? 'dist';
const { API_URL = '', AUTH_CLIENT_ID = '', AUTH_AUTHORITY = '', AUTH_SCOPE = '' } = process.env;

const given = [AUTH_CLIENT_ID, AUTH_AUTHORITY, AUTH_SCOPE].filter(Boolean).length;
if (given !== 0 && given !== 3) {
  throw new Error('AUTH_CLIENT_ID, AUTH_AUTHORITY and AUTH_SCOPE: all three, or none');
}
const auth = given === 3 ? { clientId: AUTH_CLIENT_ID, authority: AUTH_AUTHORITY, scope: AUTH_SCOPE } : null;
// What else the operator says there, of the page's name and its like, stays.
const said = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
await writeFile(join(folder, 'config.json'), `${JSON.stringify({ ...said, apiBase: API_URL, auth }, null, 2)}\n`);

// Origins only: a path in a policy would forbid the others of the same origin.
const origins = [API_URL, AUTH_AUTHORITY].filter(Boolean).map((address) => new URL(address).origin);
const file = join(folder, 'staticwebapp.config.json');
const config = JSON.parse(await readFile(file, 'utf8'));
const policy = config.globalHeaders['Content-Security-Policy'];
const changed = policy.replace(/connect-src [^;]*/, ['connect-src', "'self'", ...new Set(origins)].join(' '));
if (!policy.includes('connect-src ')) throw new Error('the policy has no connect-src');
config.globalHeaders['Content-Security-Policy'] = changed;
await writeFile(file, `${JSON.stringify(config, null, 2)}\n`);
