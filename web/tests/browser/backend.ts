/**
 * A backend that says what a test wants, and serves the built page with the headers that Static Web Apps gives it: those
 * of `hosting.json`.
 */
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

export const DIST = fileURLToPath(new URL('../../dist', import.meta.url));
/** The headers and the policy, before a deployment's addresses are in it. */
export const HOSTING = fileURLToPath(new URL('../../hosting.json', import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json',
  '.svg': 'image/svg+xml', '.woff2': 'font/woff2',
};

/** What a request said, and whether its client left before the answer's end. */
export interface Asked {
  messages: { role: string; content: string | { type: string; text?: string; image_url?: { url: string; detail: string } }[] }[];
  model: string | undefined;
  effort: string | undefined;
  authorization: string | undefined;
  left: boolean;
}

/** An answer in a test's hand. */
export class Reply {
  readonly asked: Asked;
  private readonly response: ServerResponse;

  constructor(asked: Asked, response: ServerResponse) {
    this.asked = asked;
    this.response = response;
  }

  /** Lines of the contract, as objects; or text as it is. */
  send(...lines: (object | string)[]): this {
    if (!this.response.headersSent) this.response.writeHead(200, { 'content-type': 'application/x-ndjson; charset=utf-8' });
    this.response.write(lines.map((line) => (typeof line === 'string' ? line : `${JSON.stringify(line)}\n`)).join(''));
    return this;
  }

  think(text: string): this {
    return this.send({ index: 0, delta: { reasoning_content: text }, finish_reason: null });
  }

  say(text: string): this {
    return this.send({ index: 0, delta: { content: text }, finish_reason: null });
  }

  /** The first line; a service of the newer edition names the model. */
  start(model?: string): this {
    return this.send({ start: { request_id: 'request-1', deployment: 'test', ...(model && { model }) } });
  }

  /** The last line of a whole answer. */
  done(reason = 'stop', usage: object | null = { completion_tokens: 120, prompt_tokens: 9, completion_tokens_details: { reasoning_tokens: 40 } }, thoughts?: string): void {
    this.send({ done: { finish_reason: reason, usage, elapsed_ms: 2500, first_token_ms: 500, ...(thoughts && { thoughts }) } }).end();
  }

  /** Refuses with a status, a body and headers. */
  refuse(status: number, body: object | string = '', headers: Record<string, string> = {}): void {
    const isJson = typeof body === 'object';
    this.response.writeHead(status, { ...(isJson && { 'content-type': 'application/json' }), ...headers });
    this.response.end(isJson ? JSON.stringify(body) : body);
  }

  /** A clean end of the body, without a last line. */
  end(): void {
    this.response.end();
  }

  /** The connection is cut. */
  cut(): void {
    this.response.destroy();
  }
}

/** Plays one request. */
export type Script = (reply: Reply) => void | Promise<void>;

/** The page and its scripted API on one origin. */
export class Backend {
  /** Every request so far. */
  readonly asked: Asked[] = [];
  /** What `config.json` says, instead of what is built. */
  config: object | string | undefined;
  /** What `GET /api/models` tells; without it the service is of an older edition, which has no such route. */
  offer: object | undefined;
  /** What `POST /api/feedback` was told. */
  readonly verdicts: unknown[] = [];
  /** Pages of a test's own, by path; served without any policy. */
  readonly extra = new Map<string, { type: string; body: string }>();
  private script: Script = (reply) => reply.start().say('Hello.').done();
  private readonly server: Server;
  private headers: Record<string, string> = {};
  private port = 0;

  private constructor() {
    this.server = createServer((request, response) => void this.serve(request, response).catch(() => response.destroy()));
  }

  static async start(): Promise<Backend> {
    const backend = new Backend();
    const config = JSON.parse(await readFile(HOSTING, 'utf8')) as { globalHeaders: Record<string, string> };
    backend.headers = config.globalHeaders;
    await new Promise<void>((resolve) => backend.server.listen(0, '127.0.0.1', resolve));
    return backend;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Lets the page connect to another origin as well, as `cargo xtask deploy page-config` does. */
  allow(origin: string): void {
    const name = 'Content-Security-Policy';
    this.headers = { ...this.headers, [name]: (this.headers[name] ?? '').replace("connect-src 'self'", `connect-src 'self' ${origin}`) };
  }

  /** How requests are answered from now on. */
  answer(script: Script): void {
    this.script = script;
  }

  /** As if there were no network: nothing answers any more, at the same address. */
  async pause(): Promise<void> {
    this.port = (this.server.address() as AddressInfo).port;
    await this.close();
  }

  /** Answers again. */
  async resume(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', this.url).pathname;
    if (path === '/api/chat/stream') return this.chat(request, response);
    if (path === '/api/models' && this.offer) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(this.offer));
      return;
    }
    if (path === '/api/feedback') {
      this.verdicts.push(JSON.parse(await bodyOf(request)));
      response.writeHead(204).end();
      return;
    }
    const extra = this.extra.get(path);
    if (extra) {
      response.writeHead(200, { 'content-type': extra.type }).end(extra.body);
      return;
    }
    const headers = this.headers;
    if (path === '/config.json' && this.config !== undefined) {
      response.writeHead(200, headers).end(typeof this.config === 'string' ? this.config : JSON.stringify(this.config));
      return;
    }
    const file = join(DIST, normalize(path === '/' ? '/index.html' : path));
    const isFile = file.startsWith(DIST) && (await stat(file).then((found) => found.isFile(), () => false));
    if (!isFile) {
      response.writeHead(404, headers).end();
      return;
    }
    response.writeHead(200, { ...headers, 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' });
    createReadStream(file).pipe(response);
  }

  private async chat(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse(await bodyOf(request)) as { messages: Asked['messages']; model?: string; reasoning_effort?: string };
    const asked: Asked = { messages: body.messages, model: body.model, effort: body.reasoning_effort, authorization: request.headers.authorization, left: false };
    this.asked.push(asked);
    response.on('close', () => (asked.left = !response.writableEnded));
    await this.script(new Reply(asked, response));
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}
