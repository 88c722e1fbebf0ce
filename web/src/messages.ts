/**
 * What is sent for a question: which turns, which of their images, and how that stands to the limits of the service. Pure:
 * the page shows what it says before anything is sent.
 */
import { fenced, type ImageRef } from './attachment';
import type { Message, Part } from './ask';
import type { Question, Turn } from './conversation';
import type { Limits } from './offer';

/** A message whose images are still names. */
export interface Planned {
  role: 'user' | 'assistant';
  text: string;
  images: readonly ImageRef[];
  /** Images of it that are not sent any more. */
  leftOut: number;
}

/** What a request takes of the service's limits. */
export interface Size {
  messages: number;
  characters: number;
  /** Of the body, about: images count with what base64 adds to them. */
  bytes: number;
}

const WITHOUT_IMAGES = '[image removed]';
/** What a message's names, quotes and escapes add to its characters, about. */
const MESSAGE_BYTES = 60;

/** The text of a question with its files, as the model reads it. */
export function textOf({ text, files }: Question): string {
  return [text, ...files.map(fenced)].filter(Boolean).join('\n\n');
}

/** The turns of a path that count, from `from` on. */
export function countingTurns(path: readonly Turn[], from: string | null): readonly Turn[] {
  const first = from === null ? 0 : path.findIndex(({ id }) => id === from);
  return path.slice(Math.max(0, first));
}

/**
 * The messages for the last turn: its question, and the turns before it that have an answer. A turn without one (failed,
 * or taken back by the filter) is left out with its question: models want turns to alternate, and a question that the
 * filter refused would be refused again with every one that follows. Images beyond the limits leave from the oldest on.
 */
export function plan(turns: readonly Turn[], takesImages: boolean, limits: Limits): Planned[] {
  const kept = takesImages ? newestImages(turns, limits) : new Set<string>();
  const question = (turn: Turn): Planned => {
    const images = turn.images.filter(({ id }) => kept.has(id));
    return { role: 'user', text: textOf(turn), images, leftOut: turn.images.length - images.length };
  };
  const planned: Planned[] = [];
  for (const [index, turn] of turns.entries()) {
    const isLast = index === turns.length - 1;
    if (!isLast && !turn.answer.text.trim()) continue;
    planned.push(question(turn));
    if (!isLast) planned.push({ role: 'assistant', text: turn.answer.text, images: [], leftOut: 0 });
  }
  return planned;
}

/** The images that a request for the last of these turns still holds, by their ids. */
export function newestImages(turns: readonly Turn[], limits: Limits): Set<string> {
  const kept = new Set<string>();
  const textBytes = turns.reduce((sum, turn) => sum + utf8Bytes(textOf(turn)) + utf8Bytes(turn.answer.text) + 2 * MESSAGE_BYTES, 0);
  let room = (limits.requestBytes ?? Infinity) - textBytes;
  for (const turn of turns.toReversed()) {
    for (const image of turn.images.toReversed()) {
      room -= base64Bytes(image.bytes);
      if (kept.size >= (limits.images ?? Infinity) || room < 0) return kept;
      kept.add(image.id);
    }
  }
  return kept;
}

/** How large a request of these messages is. */
export function sizeOf(planned: readonly Planned[]): Size {
  const size: Size = { messages: planned.length, characters: 0, bytes: 0 };
  for (const { text, images } of planned) {
    size.characters += text.length;
    size.bytes += utf8Bytes(text) + MESSAGE_BYTES + images.reduce((sum, { bytes }) => sum + base64Bytes(bytes), 0);
  }
  return size;
}

/** How much of the fullest limit a request takes: over 1 it is refused. */
export function fullness(size: Size, limits: Limits): number {
  return Math.max(
    size.messages / (limits.messages ?? Infinity), size.characters / (limits.characters ?? Infinity), size.bytes / (limits.requestBytes ?? Infinity));
}

/** How the next question stands to the limits. */
export interface Room {
  /** Of the fullest limit: over 1 the question is refused. */
  share: number;
  /** How many questions fit in, where it is the messages that run out. */
  left: number | null;
}

/** What is left for this question behind the turns that count. */
export function roomFor(question: Question, counting: readonly Turn[], takesImages: boolean, limits: Limits): Room {
  // Before the service has told its limits a long chat is not measured for nothing.
  if (!knowsAny(limits)) return { share: 0, left: null };
  const last = counting.at(-1);
  const asked = last ? [...counting, { ...last, ...question }] : counting;
  const size = sizeOf(plan(asked, takesImages, limits));
  const share = fullness(size, limits);
  if (limits.messages === null || size.messages / limits.messages < share) return { share, left: null };
  // Half of what is left, as each question brings an answer; this one is among them.
  return { share, left: Math.max(0, Math.floor((limits.messages - size.messages) / 2) + 1) };
}

/**
 * The turn from which on the conversation should count, so that the next question finds room: half of every limit is free
 * again, or, where no limit is known, half of the turns are left behind. Null if there is nothing to leave behind.
 */
export function newestThatFit(turns: readonly Turn[], limits: Limits): string | null {
  if (!knowsAny(limits)) return turns[Math.ceil(turns.length / 2)]?.id ?? null;
  const size: Size = { messages: 1, characters: 0, bytes: 0 };
  let first: Turn | undefined;
  for (const turn of turns.toReversed()) {
    const texts = textOf(turn) + turn.answer.text;
    size.messages += 2;
    size.characters += texts.length;
    size.bytes += utf8Bytes(texts) + 2 * MESSAGE_BYTES;
    if (fullness(size, limits) > 0.5) break;
    first = turn;
  }
  return first === turns[0] ? null : ((first ?? turns.at(-1))?.id ?? null);
}

function knowsAny({ messages, characters, requestBytes }: Limits): boolean {
  return messages !== null || characters !== null || requestBytes !== null;
}

/** The messages as they travel. `urlOf` finds an image's bytes; one that the store lost is named as removed. */
export function messagesOf(planned: readonly Planned[], urlOf: (id: string) => string | undefined): Message[] {
  return planned.map(({ role, text, images, leftOut }) => {
    if (images.length === 0 && leftOut === 0) return { role, content: text };
    const parts: Part[] = text ? [{ type: 'text', text }] : [];
    let removed = leftOut;
    for (const { id } of images) {
      const url = urlOf(id);
      if (url) parts.push({ type: 'image_url', image_url: { url, detail: 'auto' } });
      else removed += 1;
    }
    if (removed > 0) parts.push({ type: 'text', text: Array(removed).fill(WITHOUT_IMAGES).join(' ') });
    const isText = parts.every((part) => part.type === 'text');
    return { role, content: isText ? parts.map((part) => (part as { text: string }).text).join('\n\n') : parts };
  });
}

function base64Bytes(bytes: number): number {
  return Math.ceil(bytes / 3) * 4 + 40;
}

/** Without encoding it: what JSON escapes is little in prose. */
function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0x7f) bytes += code > 0x7ff && (code < 0xd800 || code > 0xdfff) ? 2 : 1;
    else if (code === 0x0a || code === 0x22 || code === 0x5c) bytes += 1;
  }
  return bytes;
}
