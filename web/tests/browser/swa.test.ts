/**
 * `cargo xtask swa`, as a person runs it: it starts everything, the page answers through the emulator, and at the end nothing
 * of it is left. Once with the stand-in host, and once with a `func` on the path that is the stand-in in disguise.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { Browser } from './chromium';
import { BUILT, freePort, missing, PROJECT } from './stack';

const XTASK = join(BUILT, 'xtask');
const absent = missing(XTASK);
if (absent.length > 0) console.log(`skipped: cargo xtask swa; there is no ${absent.join(', no ')}`);

/** The command, running. */
class Swa {
  output = '';
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  /** Marks every process of this run, whoever started it. */
  private readonly mark: string;

  constructor(words: readonly string[], path = '') {
    this.mark = `swa-test-${process.pid}-${Math.random()}`;
    this.child = spawn(XTASK, ['swa', ...words], {
      cwd: PROJECT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, SWA_TEST_MARK: this.mark, PATH: path + (process.env['PATH'] ?? '') },
    });
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.on('data', (piece: Buffer) => (this.output += piece));
    this.ended = new Promise((resolve) => this.child.once('exit', resolve));
  }

  /** The address that it says, once everything answers. */
  async address(): Promise<string> {
    const said = /The chat is at (http:\S+)/;
    await expect.poll(() => said.test(this.output) || this.child.exitCode !== null, { timeout: 300_000 }).toBe(true);
    expect(this.output).toMatch(said);
    return said.exec(this.output)![1]!;
  }

  /** The processes of this run that are alive. */
  processes(): { pid: number; command: string }[] {
    const lines = execFileSync('ps', ['-A', '-ww', '-o', 'pid=,state=,args=']).toString().split('\n');
    return lines.flatMap((line) => {
      const [, pid, state, command] = /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
      return pid && command && state !== 'Z' && environment(Number(pid)).includes(this.mark) ? [{ pid: Number(pid), command }] : [];
    });
  }
}

/** A process's environment, as the system shows it; empty for one that is gone or another's. */
function environment(pid: number): string {
  try {
    return process.platform === 'linux'
      ? execFileSync('cat', [`/proc/${pid}/environ`], { stdio: ['ignore', 'pipe', 'ignore'] }).toString()
      : execFileSync('ps', ['-Eww', '-o', 'command=', '-p', String(pid)], { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
  } catch {
    return '';
  }
}

describe.skipIf(absent.length > 0)('cargo xtask swa', { timeout: 400_000 }, () => {
  let browser: Browser;
  let running: Swa[] = [];
  let folder = '';
  const start = (...words: ConstructorParameters<typeof Swa>): Swa => {
    const swa = new Swa(...words);
    running.push(swa);
    return swa;
  };
  /** Which of those that should run do. The emulator calls itself by another name than it was started with. */
  const cast = (swa: Swa) => {
    const commands = swa.processes().map(({ command }) => command);
    return [/\/xtask swa /, /\/functions-host /, /\/reasoning-chat$/, /^swa start /, /^node .*\/server\.js$/].map((known) =>
      commands.filter((command) => known.test(command)).length);
  };

  beforeAll(async () => {
    browser = await Browser.start();
    folder = await mkdtemp(join(tmpdir(), 'swa-'));
  });
  afterEach(async () => {
    for (const swa of running) {
      swa.child.kill('SIGTERM');
      await swa.ended;
      for (const { pid } of swa.processes()) process.kill(pid, 'SIGKILL');
    }
    running = [];
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function ask(address: string): Promise<void> {
    const tab = await browser.tab();
    await tab.page.goto(address);
    const answered = tab.page.waitForResponse((response) => response.url() === `${address}/api/chat/stream`);
    await tab.page.fill('#question', 'Hello, fast');
    await tab.page.press('#question', 'Enter');
    expect((await answered).status()).toBe(200);
    await tab.page.locator('.turn').last().locator('.figures').waitFor({ timeout: 60_000 });
    expect(await tab.page.locator('.turn').last().locator('.notice').count()).toBe(0);
    expect(tab.complaints).toEqual([]);
    await tab.page.close();
  }

  test('the page answers through the emulator, and Ctrl-C leaves nothing running', async () => {
    const [port, api] = [await freePort(), await freePort()];
    const swa = start(['--port', String(port), '--api-port', String(api), '--stand-in']);
    const address = await swa.address();
    expect(address).toBe(`http://127.0.0.1:${port}`);
    await ask(address);
    expect(cast(swa)).toEqual([1, 1, 1, 1, 1]);
    swa.child.kill('SIGINT');
    expect(await swa.ended).toBe(0);
    await expect.poll(() => swa.processes(), { timeout: 5_000 }).toEqual([]);
  });

  test('with func on the path it is func that runs; when the emulator dies, all end with a word why', async () => {
    await writeFile(join(folder, 'func'), `#!/bin/sh
[ "$1 $2" = "start --port" ] && [ -f host.json ] && [ -f local.settings.json ] && echo "func at your service" || exit 9
exec ${join(BUILT, 'functions-host')} --port "$3" .
`);
    await chmod(join(folder, 'func'), 0o755);
    const swa = start(['--port', String(await freePort()), '--api-port', String(await freePort())], folder + delimiter);
    await ask(await swa.address());
    expect(swa.output).toContain('func at your service');
    process.kill(swa.processes().find(({ command }) => command.startsWith('swa start'))!.pid, 'SIGKILL');
    expect(await swa.ended).toBe(1);
    expect(swa.output).toMatch(/page ended by itself \(.*\); the others were ended with it/);
    await expect.poll(() => swa.processes(), { timeout: 5_000 }).toEqual([]);
  });

  test('a taken port is said before anything is built or started', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const taken = String((server.address() as { port: number }).port);
    const swa = start(['--port', String(await freePort()), '--api-port', taken, '--stand-in']);
    expect(await swa.ended).toBe(1);
    expect(swa.output).toMatch(new RegExp(`^xtask: port ${taken} of 127.0.0.1 cannot be had .* choose another with --api-port\n$`));
    server.close();
  });
});
