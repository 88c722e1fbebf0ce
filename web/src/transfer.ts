/** Chats as files: one or all of them, as Markdown to read or as JSON to bring back. */
import type { Answer } from './answer';
import type { StoredImage } from './attachment';
import type { Deleted } from './chats';
import { type Conversation, pathOf, type Turn } from './conversation';
import { restored } from './database';
import { textOf } from './messages';
import { saveFile } from './view/save-file';
import { words } from './words';

/** What an export of this page says of itself. */
const FORMAT = 'reasoning-chat';
/** Larger files than this are not read: nobody writes so much. */
const MAX_IMPORT_BYTES = 200_000_000;

/** Gives the reader a file of these chats to read. */
export function saveMarkdown(conversations: readonly Conversation[], name: string): void {
  saveFile(fileNameFor(name, 'md'), 'text/markdown', conversations.map(toMarkdown).join('\n---\n\n'));
}

/** Gives the reader a file of these chats that this page reads back. */
export function saveJson(all: Deleted, name: string): void {
  saveFile(fileNameFor(name, 'json'), 'application/json', toJson(all));
}

/** Reads such a file; null if it is none. */
export async function readChats(file: File): Promise<Deleted | null> {
  return file.size > MAX_IMPORT_BYTES ? null : fromJson(await file.text());
}

/** The conversation as Markdown, thoughts folded away; other versions of a turn stand behind the one that is shown. */
export function toMarkdown(conversation: Conversation): string {
  const parts = [`# ${conversation.title}`];
  for (const turn of pathOf(conversation)) parts.push(...turnAsMarkdown(turn, ''));
  const path = new Set(pathOf(conversation));
  const others = conversation.turns.filter((turn) => !path.has(turn));
  if (others.length > 0) parts.push(`# ${words.file.otherVersions}`);
  for (const turn of others) parts.push(...turnAsMarkdown(turn, ''));
  return `${parts.join('\n\n')}\n`;
}

/** One conversation or several, with all their versions and images, as this page reads them back. */
export function toJson({ conversations, images }: Deleted): string {
  return `${JSON.stringify({ format: FORMAT, version: 1, conversations, images }, null, 1)}\n`;
}

/**
 * Reads what `toJson` wrote. Everything gets a new identity, so that an import never writes over what is there. Null if it
 * is no such file.
 */
export function fromJson(json: string): Deleted | null {
  let file: { format?: unknown; conversations?: unknown; images?: unknown } | null;
  try {
    file = JSON.parse(json);
  } catch {
    return null;
  }
  if (file?.format !== FORMAT || !Array.isArray(file.conversations)) return null;
  const conversations = file.conversations.map(restored).filter((conversation) => conversation !== null);
  const images = (Array.isArray(file.images) ? file.images : []).filter(isImage);
  const ids = new Map<string, string>();
  const renamed = (id: string) => ids.get(id) ?? ids.set(id, crypto.randomUUID()).get(id) ?? id;
  for (const conversation of conversations) {
    conversation.id = renamed(conversation.id);
    conversation.from &&= renamed(conversation.from);
    conversation.shown = Object.fromEntries(Object.entries(conversation.shown).map(([parent, id]) => [parent && renamed(parent), renamed(id)]));
    for (const turn of conversation.turns) {
      turn.id = renamed(turn.id);
      turn.parent &&= renamed(turn.parent);
      for (const image of turn.images) image.id = renamed(image.id);
    }
  }
  return { conversations, images: images.map((image) => ({ ...image, id: renamed(image.id), chat: renamed(image.chat) })) };
}

/** A name for the exported file that every system takes. */
export function fileNameFor(title: string, extension: string): string {
  const stem = title.normalize('NFKD').replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '').slice(0, 60);
  return `${stem || 'chat'}.${extension}`;
}

function turnAsMarkdown(turn: Turn, prefix: string): string[] {
  const { answer } = turn;
  const parts = [`${prefix}## ${words.file.question}`, textOf(turn)];
  for (const { name } of turn.images) parts.push(`*(${words.file.image(name)})*`);
  parts.push(`${prefix}## ${words.file.answer}`);
  if (answer.thoughts.trim()) parts.push(`<details>\n<summary>${words.thoughts}</summary>\n\n${answer.thoughts.trim()}\n\n</details>`);
  parts.push(answer.text.trim() || `*(${without(answer)})*`);
  return parts.filter(Boolean);
}

function without(answer: Answer): string {
  if (answer.state === 'filtered') return words.filtered.title;
  if (answer.failure) return `${words.noAnswer}: ${answer.failure.code}`;
  return answer.state === 'stopped' ? words.stopped : words.noAnswer;
}

/** Only what a page may show: an image that says otherwise could be an address of somebody else's server. */
function isImage(value: unknown): value is StoredImage {
  const image = value as Partial<StoredImage> | null;
  return typeof image?.id === 'string' && typeof image.chat === 'string' && typeof image.added === 'number'
    && typeof image.url === 'string' && /^data:image\/(?:png|jpeg|webp|gif);base64,[A-Za-z0-9+/]+=*$/.test(image.url);
}
