/**
 * Firefox and WebKit as Debian has them, by the protocol that each of them speaks itself: Firefox's Marionette on a socket,
 * WebKit's driver by HTTP. The commands are the same ones of the WebDriver standard.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePort } from './stack';

/** Debian's name for it, and that of others. */
const FIREFOX = process.env.FIREFOX ?? ['/usr/bin/firefox-esr', '/usr/bin/firefox'].find((file) => existsSync(file)) ?? '/usr/bin/firefox-esr';
const WEBKIT_DRIVER = '/usr/bin/WebKitWebDriver';
const XVFB = '/usr/bin/Xvfb';
const START_MS = 30_000;

/** Nothing of Firefox's own leaves the machine, and nothing of it asks. */
const PREFERENCES = {
  'marionette.port': 0, 'app.update.disabledForTesting': true, 'browser.shell.checkDefaultBrowser': false, 'browser.aboutwelcome.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false, 'toolkit.telemetry.reportingpolicy.firstRun': false, 'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false, 'services.settings.server': 'data:,', 'extensions.update.enabled': false, 'app.normandy.enabled': false,
  'browser.safebrowsing.downloads.remote.enabled': false, 'browser.region.network.url': '', 'browser.startup.homepage_override.mstone': 'ignore',
};

/** The browsers besides Chromium. */
export const KINDS = ['Firefox', 'WebKit'] as const;
export type Kind = (typeof KINDS)[number];

/** What has to be there for it, and is not. */
export function missingFor(kind: Kind): string | undefined {
  const wanted = kind === 'Firefox' ? [FIREFOX] : [WEBKIT_DRIVER, XVFB, miniBrowser() ?? 'MiniBrowser'];
  return wanted.find((file) => !existsSync(file));
}

function miniBrowser(): string | undefined {
  const libraries = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu'].filter((folder) => existsSync(folder));
  return libraries.flatMap((folder) => readdirSync(folder).filter((name) => /^webkit2?gtk-/.test(name)).map((name) => join(folder, name, 'MiniBrowser'))).filter((file) => existsSync(file)).at(-1);
}

/** One command, by its name in Marionette and its place in the standard. */
type Send = (name: string, method: string, path: string, parameters: Record<string, unknown>) => Promise<unknown>;

const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';
const KEYS = { Enter: '\ue007', Copy: '\ue009c' } as const;

/** A browser with one window. */
export class Remote {
  private readonly send: Send;
  private readonly stop: () => Promise<void>;

  private constructor(send: Send, stop: () => Promise<void>) {
    this.send = send;
    this.stop = stop;
  }

  static async start(kind: Kind): Promise<Remote> {
    return kind === 'Firefox' ? Remote.firefox() : Remote.webkit();
  }

  async go(url: string): Promise<void> {
    await this.send('WebDriver:Navigate', 'POST', '/url', { url });
  }

  async reload(): Promise<void> {
    await this.send('WebDriver:Refresh', 'POST', '/refresh', {});
  }

  /** The value of a function of the page's, called with these. */
  async run<Result>(work: (...args: never[]) => Result, ...args: unknown[]): Promise<Awaited<Result>> {
    const script = `const done = arguments[arguments.length - 1]; Promise.resolve((${work})(...Array.from(arguments).slice(0, -1))).then((value) => done({ value }), (error) => done({ error: String(error) }));`;
    const { value, error } = (await this.send('WebDriver:ExecuteAsyncScript', 'POST', '/execute/async', { script, args })) as { value: Awaited<Result>; error?: string };
    if (error) throw new Error(error);
    return value;
  }

  /** The text that is seen of the last element; null where there is none. */
  text(selector: string): Promise<string | null> {
    return this.run((of: string) => {
      const found = [...document.querySelectorAll<HTMLElement>(of)].at(-1);
      return found ? found.innerText.trim() : null;
    }, selector);
  }

  async click(selector: string): Promise<void> {
    const id = await this.find(selector);
    await this.send('WebDriver:ElementClick', 'POST', `/element/${id}/click`, { id });
  }

  async type(selector: string, text: string, key?: keyof typeof KEYS): Promise<void> {
    const id = await this.find(selector);
    await this.send('WebDriver:ElementSendKeys', 'POST', `/element/${id}/value`, { id, text: text + (key ? KEYS[key] : '') });
  }

  async resize(width: number, height: number): Promise<void> {
    await this.send('WebDriver:SetWindowRect', 'POST', '/window/rect', { width, height });
  }

  async screenshot(file: string): Promise<void> {
    const answer = (await this.send('WebDriver:TakeScreenshot', 'GET', '/screenshot', { full: false })) as { value?: string } | string;
    await writeFile(file, Buffer.from(typeof answer === 'string' ? answer : (answer.value ?? ''), 'base64'));
  }

  async close(): Promise<void> {
    await this.stop();
  }

  private async find(selector: string): Promise<string> {
    const found = (await this.send('WebDriver:FindElement', 'POST', '/element', { using: 'css selector', value: selector })) as Record<string, unknown>;
    const element = (found.value ?? found) as Record<string, string>;
    return element[ELEMENT] ?? '';
  }

  private static async firefox(): Promise<Remote> {
    const profile = await mkdtemp(join(tmpdir(), 'page-firefox-'));
    await writeFile(join(profile, 'user.js'), Object.entries(PREFERENCES).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`).join('\n'));
    const child = spawn(FIREFOX, ['--headless', '--marionette', '--no-remote', '--profile', profile], { stdio: 'ignore', env: { ...process.env, HOME: profile } });
    const port = Number(await until(() => readFile(join(profile, 'MarionetteActivePort'), 'utf8')));
    const marionette = new Marionette(await until(() => opened(port)));
    const send: Send = async (name, _method, _path, parameters) => {
      const answer = await marionette.send(name, parameters);
      return (answer as { value?: unknown } | null)?.value ?? answer;
    };
    await send('WebDriver:NewSession', '', '', {});
    return new Remote(send, async () => {
      marionette.close();
      await ended(child);
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    });
  }

  private static async webkit(): Promise<Remote> {
    const display = `:${90 + Math.floor(Math.random() * 900)}`;
    const screen = spawn(XVFB, [display, '-screen', '0', '1280x1024x24', '-nolisten', 'tcp'], { stdio: 'ignore' });
    const port = await freePort();
    const home = await mkdtemp(join(tmpdir(), 'page-webkit-'));
    const driver = spawn(WEBKIT_DRIVER, [`--port=${port}`], { stdio: 'ignore', env: { ...process.env, DISPLAY: display, HOME: home, XDG_RUNTIME_DIR: home } });
    const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, ...(body !== undefined && { body: JSON.stringify(body) }) });
      const { value } = (await response.json()) as { value: { error?: string; message?: string } };
      if (!response.ok) throw new Error(`${value.error}: ${value.message}`);
      return value;
    };
    const options = { binary: miniBrowser(), args: ['--automation'] };
    const { sessionId } = (await until(() => ask('POST', '/session', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': options } } }))) as { sessionId: string };
    const send: Send = (_name, method, path, parameters) => ask(method, `/session/${sessionId}${path}`, method === 'GET' ? undefined : parameters);
    return new Remote(send, async () => {
      await ask('DELETE', `/session/${sessionId}`).catch(() => {});
      await ended(driver);
      await ended(screen);
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    });
  }
}

/** Firefox's own protocol: `length:[0, id, name, parameters]` out, `length:[1, id, error, result]` back. */
class Marionette {
  private readonly socket: Socket;
  private readonly waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  private rest: Buffer = Buffer.alloc(0);
  private next = 1;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (piece) => this.take(piece));
    socket.on('close', () => this.waiting.forEach(({ reject }) => reject(new Error('Firefox is gone'))));
  }

  send(name: string, parameters: object): Promise<unknown> {
    const id = this.next++;
    const message = JSON.stringify([0, id, name, parameters]);
    this.socket.write(`${Buffer.byteLength(message)}:${message}`);
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  close(): void {
    this.socket.destroy();
  }

  private take(piece: Buffer): void {
    this.rest = Buffer.concat([this.rest, piece]);
    for (;;) {
      const colon = this.rest.indexOf(':');
      const length = Number(this.rest.subarray(0, Math.max(0, colon)).toString());
      if (colon < 1 || this.rest.length < colon + 1 + length) return;
      const message = JSON.parse(this.rest.subarray(colon + 1, colon + 1 + length).toString()) as unknown;
      this.rest = this.rest.subarray(colon + 1 + length);
      // The first one is a greeting.
      if (!Array.isArray(message)) continue;
      const [, id, error, result] = message as [number, number, { error: string; message: string } | null, unknown];
      const { resolve, reject } = this.waiting.get(id) ?? {};
      this.waiting.delete(id);
      if (error) reject?.(new Error(`${error.error}: ${error.message}`));
      else resolve?.(result);
    }
  }
}

function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Tries until it succeeds, as a program that starts takes its time. */
async function until<Value>(attempt: () => Promise<Value>): Promise<Value> {
  const end = Date.now() + START_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    const kill = setTimeout(() => child.kill('SIGKILL'), 5_000);
    child.once('exit', () => {
      clearTimeout(kill);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
