import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'configure-'));
  for (const file of ['config.json', 'staticwebapp.config.json']) copyFileSync(`public/${file}`, join(folder, file));
});
afterEach(() => rmSync(folder, { recursive: true }));

function configure(env: Record<string, string>): { config: unknown; policy: string } {
  execFileSync(process.execPath, ['configure.mjs', folder], { env, stdio: 'pipe' });
  const read = (file: string) => JSON.parse(readFileSync(join(folder, file), 'utf8'));
  return { config: read('config.json'), policy: read('staticwebapp.config.json').globalHeaders['Content-Security-Policy'] };
}

test('a deployment’s addresses go into config.json and, as origins, into the policy', () => {
  const env = { API_URL: 'https://f.example', AUTH_CLIENT_ID: 'c', AUTH_AUTHORITY: 'https://login.example/tenant', AUTH_SCOPE: 's' };
  const { config, policy } = configure(env);
  expect(config).toEqual({ apiBase: 'https://f.example', auth: { clientId: 'c', authority: 'https://login.example/tenant', scope: 's' } });
  expect(policy).toContain("; connect-src 'self' https://f.example https://login.example;");
  // Again with nothing: the defaults are back.
  expect(configure({})).toEqual({ config: { apiBase: '', auth: null }, policy: expect.stringContaining("; connect-src 'self';") });
});

test('what the operator says of the page stays', () => {
  const file = join(folder, 'config.json');
  writeFileSync(file, JSON.stringify({ apiBase: '', auth: null, name: 'Contoso' }));
  expect(configure({ API_URL: 'https://f.example' }).config).toEqual({ apiBase: 'https://f.example', auth: null, name: 'Contoso' });
});

test('half a sign-in is refused', () => expect(() => configure({ AUTH_CLIENT_ID: 'c' })).toThrow());

test('the policy has nothing unsafe, and is as small as Static Web Apps wants it', () => {
  const file = readFileSync('public/staticwebapp.config.json', 'utf8');
  expect(file.length).toBeLessThan(20_000);
  const { policy } = configure({});
  expect(policy).not.toContain('unsafe');
  for (const part of ["default-src 'none'", "require-trusted-types-for 'script'", 'trusted-types offline', "frame-ancestors 'none'"]) expect(policy).toContain(part);
});
