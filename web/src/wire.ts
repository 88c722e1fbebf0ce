/** The lines of an answer (`docs/wire.md`), from text to types. Nothing of a line that cannot be read is ever quoted. */
import type { Failure } from './failure';

/** Token counts, as far as the model's service gives them. */
export interface Usage {
  prompt: number | null;
  completion: number | null;
  reasoning: number | null;
}

/**
 * What the service tells of the model's thoughts: the thoughts, a summary of them, nothing although it thought, or nothing
 * because it does not think. A service of an older edition says none of these.
 */
export type Told = 'shown' | 'summary' | 'hidden' | 'none';

const TOLD: readonly Told[] = ['shown', 'summary', 'hidden', 'none'];

/** What a line says. */
export type Line =
  | { kind: 'start'; requestId: string | null; model: string | null }
  | { kind: 'choice'; thoughts: string; text: string; finishReason: string | null; isFiltered: boolean }
  | { kind: 'heartbeat'; elapsedMs: number }
  | { kind: 'done'; finishReason: string; usage: Usage | null; elapsedMs: number | null; firstTokenMs: number | null; told: Told | null }
  | { kind: 'error'; failure: Failure }
  | { kind: 'unknown' };

/** A JSON object whose fields nobody vouches for. */
export type Fields = Readonly<Record<string, unknown>>;

/** Reads a line; `undefined` if it is no JSON object. Kinds that this page does not know are `unknown`, no fault. */
export function parseLine(line: string): Line | undefined {
  const fields = parseObject(line);
  if (!fields) return undefined;
  if ('error' in fields) return { kind: 'error', failure: failureFrom(fields) };
  const start = object(fields.start);
  if (start) return { kind: 'start', requestId: text(start.request_id), model: text(start.model) };
  const heartbeat = object(fields.heartbeat);
  if (heartbeat) return { kind: 'heartbeat', elapsedMs: number(heartbeat.elapsed_ms) ?? 0 };
  const done = object(fields.done);
  if (done) return doneFrom(done);
  // Only the first choice is shown; the page never asks for more.
  if (fields.index === 0) return choiceFrom(fields);
  return { kind: 'unknown' };
}

/** The failure in an HTTP answer's body; `undefined` if the body is not of this program. */
export function parseFailure(body: string): Failure | undefined {
  const fields = parseObject(body);
  return fields && 'error' in fields && typeof fields.code === 'string' ? failureFrom(fields) : undefined;
}

function choiceFrom(fields: Fields): Line {
  const delta = object(fields.delta) ?? {};
  const filters = object(fields.content_filter_results) ?? {};
  return {
    kind: 'choice',
    thoughts: text(delta.reasoning_content) ?? '',
    // A refusal is the answer's text in another field.
    text: (text(delta.content) ?? '') + (text(delta.refusal) ?? ''),
    finishReason: text(fields.finish_reason),
    isFiltered: Object.values(filters).some((filter) => object(filter)?.filtered === true),
  };
}

function doneFrom(done: Fields): Line {
  const usage = object(done.usage);
  return {
    kind: 'done',
    finishReason: text(done.finish_reason) ?? 'stop',
    usage: usage && {
      prompt: number(usage.prompt_tokens),
      completion: number(usage.completion_tokens),
      reasoning: number(object(usage.completion_tokens_details)?.reasoning_tokens),
    },
    elapsedMs: number(done.elapsed_ms),
    firstTokenMs: number(done.first_token_ms),
    told: TOLD.find((told) => told === done.thoughts) ?? null,
  };
}

function failureFrom(fields: Fields): Failure {
  const categories = Array.isArray(fields.categories) ? fields.categories : [];
  return {
    code: text(fields.code) ?? 'unknown',
    text: text(fields.error) ?? '',
    retryable: fields.retryable === true,
    requestId: text(fields.request_id),
    retryAfter: number(fields.retry_after),
    categories: categories.filter((category) => typeof category === 'string'),
  };
}

/** The object that a JSON text holds; null for anything else. */
export function parseObject(json: string): Fields | null {
  try {
    return object(JSON.parse(json));
  } catch {
    return null;
  }
}

/** The value, if it is an object. */
export function object(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

/** The value, if it is a text. */
export function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** The value, if it is a finite number. */
export function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
