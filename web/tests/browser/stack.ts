/**
 * The real stack on loopback: a scripted model, the program behind the stand-in Functions host, the Static Web Apps emulator
 * with the built page, and a recorder in the place of Application Insights.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createPort } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { DIST, HOSTING } from './backend';

export const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));
export const BUILT = join(PROJECT, 'target/debug');
const EMULATOR = join(PROJECT, 'web/emulator/node_modules/@azure/static-web-apps-cli/dist/cli/bin.js');

/** What has to be there for this, and is not. Where `CI` is set, that is a failure: no promised test is skipped there. */
export function missing(...more: string[]): string[] {
  const wanted = [join(BUILT, 'reasoning-chat'), join(BUILT, 'functions-host'), join(BUILT, 'telemetry-recorder'), EMULATOR, ...more];
  const absent = wanted.filter((file) => !existsSync(file));
  if (absent.length > 0 && process.env.CI) throw new Error(`there is no ${absent.join(', no ')}`);
  return absent;
}

/** An OpenAI-style upstream whose answers are in the test's hand. */
class Model {
  readonly answers: ModelAnswer[] = [];
  private readonly server: Server = createServer((request, response) => {
    request.resume();
    request.on('end', () => this.answers.push(new ModelAnswer(response)));
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** One of its answers. */
export class ModelAnswer {
  hasLeft = false;
  private readonly response: ServerResponse;

  constructor(response: ServerResponse) {
    this.response = response;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.on('close', () => (this.hasLeft = !response.writableEnded));
  }

  send(delta: object, finish: string | null = null): this {
    const chunk = { id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] };
    this.response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    return this;
  }

  /** The connection is cut. */
  cut(): void {
    this.response.destroy();
  }

  stop(): void {
    this.send({}, 'stop');
    this.response.end('data: [DONE]\n\n');
  }
}

/** Everything, running. */
export class Stack {
  readonly model = new Model();
  page = '';
  api = '';
  private folder = '';
  private host: ChildProcess | undefined;
  private emulator: ChildProcess | undefined;
  private recorder: ChildProcess | undefined;
  private recorded = '';

  async start(): Promise<void> {
    this.folder = await mkdtemp(join(tmpdir(), 'stack-'));
    const [apiPort, pagePort, recorderPort] = [await freePort(), await freePort(), await freePort()];
    this.api = `http://127.0.0.1:${apiPort}`;
    this.page = `http://127.0.0.1:${pagePort}`;
    await this.startRecorder(recorderPort);
    await this.startHost(apiPort, await this.model.start(), recorderPort);
    await this.startEmulator(pagePort);
  }

  /** Kills the program, as the host does and a crash would. The host stays. */
  killProgram(): void {
    const children = execFileSync('ps', ['-o', 'pid=,comm=', '--ppid', String(this.host?.pid)]).toString().trim().split('\n');
    // The host may have its real proxy for a child as well.
    for (const child of children.filter((line) => line.endsWith('reasoning-chat'))) process.kill(parseInt(child, 10), 'SIGKILL');
  }

  async close(): Promise<void> {
    for (const child of [this.emulator, this.host, this.recorder]) {
      if (!child) continue;
      const ended = child.exitCode !== null || new Promise((resolve) => child.once('exit', resolve));
      signal(child, 'SIGTERM');
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 5_000))]);
      // The emulator, told to end, leaves its server behind.
      signal(child, 'SIGKILL');
    }
    this.model.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** The custom events that Application Insights was sent. */
  events(): { name: string; properties: Record<string, string> }[] {
    const items = this.recorded.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
    return items.filter(({ data }) => data.baseType === 'EventData').map(({ data: { baseData: { name, properties } } }) => ({ name, properties }));
  }

  private async startRecorder(port: number): Promise<void> {
    this.recorder = spawn(join(BUILT, 'telemetry-recorder'), ['--json', '--port', String(port)], { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
    this.recorder.stdout!.setEncoding('utf8').on('data', (text: string) => (this.recorded += text));
    await answers(`http://127.0.0.1:${port}/`);
  }

  private async startHost(port: number, endpoint: string, recorderPort: number): Promise<void> {
    const app = join(this.folder, 'app');
    const functions = ['chat_stream', 'feedback', 'models'];
    for (const name of functions) await mkdir(join(app, name), { recursive: true });
    for (const file of ['host.json', ...functions.map((name) => `${name}/function.json`)]) await cp(join(PROJECT, file), join(app, file));
    await cp(join(BUILT, 'reasoning-chat'), join(app, 'reasoning-chat'));
    await writeFile(join(app, 'local.settings.json'), JSON.stringify({
      IsEncrypted: false,
      Values: { AZURE_INFERENCE_ENDPOINT: endpoint, AZURE_DEEPSEEK_DEPLOYMENT: 'scripted', MAX_RETRIES: '0', HEARTBEAT_INTERVAL: '1s', FEEDBACK: 'true',
        APPLICATIONINSIGHTS_CONNECTION_STRING: `InstrumentationKey=0;IngestionEndpoint=http://127.0.0.1:${recorderPort}/` },
      Host: { CORS: this.page },
    }));
    this.host = spawn(join(BUILT, 'functions-host'), ['--port', String(port), app], { stdio: 'ignore', detached: true });
    await answers(`${this.api}/`);
  }

  private async startEmulator(port: number): Promise<void> {
    const dist = join(this.folder, 'dist');
    await cp(DIST, dist, { recursive: true });
    // As a deployment does it, so that the page may also ask the host itself; the tests choose by config.json.
    const hosting = (await readFile(HOSTING, 'utf8')).replace("connect-src 'self'", `connect-src 'self' ${this.api}`);
    await writeFile(join(dist, 'staticwebapp.config.json'), hosting);
    await writeFile(join(dist, 'config.json'), '{ "apiBase": "", "auth": null }');
    this.emulator = spawn(process.execPath,
      [EMULATOR, 'start', dist, '--api-devserver-url', this.api, '--host', '127.0.0.1', '--port', String(port)],
      { stdio: 'ignore', detached: true, cwd: this.folder, env: { ...process.env, CI: 'true' } });
    await answers(this.page);
  }
}

/** To a child and all that it has started, which is its process group. */
function signal(child: ChildProcess, name: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, name);
  } catch {
    // Nobody is left.
  }
}

async function answers(url: string): Promise<void> {
  const end = Date.now() + 60_000;
  while (Date.now() < end) {
    if (await fetch(url).then(() => true, () => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} does not answer`);
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createPort().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
