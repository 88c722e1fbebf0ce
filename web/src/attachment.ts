/** What comes with a question: images, which are stored apart from the chat, and text files, which are part of it. */

/** An image of a question, by which its bytes are found in the store. */
export interface ImageRef {
  id: string;
  name: string;
  width: number;
  height: number;
  /** Of the encoded image. */
  bytes: number;
}

/** An image with its bytes, as it is stored and sent. */
export interface StoredImage {
  id: string;
  /** The conversation that it belongs to. */
  chat: string;
  /** When it was put in, in ms since 1970: the oldest go first when the store is full. */
  added: number;
  /** `data:image/…;base64,…` */
  url: string;
}

/** A text file that was dropped into a question. */
export interface TextFile {
  name: string;
  text: string;
}

/** A file over this is not taken: it would fill the conversation by itself. */
const MAX_FILE_CHARS = 100_000;
/** Files in one question. */
export const MAX_FILES = 10;
/** Files larger than this are not even read. */
const MAX_FILE_BYTES = 4 * MAX_FILE_CHARS;

/** Reads a file that holds text; a word for why not otherwise. */
export async function readTextFile(file: File): Promise<TextFile | 'too-large' | 'no-text'> {
  if (file.size > MAX_FILE_BYTES) return 'too-large';
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer());
    if (text.includes('\0')) return 'no-text';
    return text.length > MAX_FILE_CHARS ? 'too-large' : { name: file.name.slice(0, 200), text: text.replace(/\r\n?/g, '\n') };
  } catch {
    return 'no-text';
  }
}

/** A file as part of a question's text: named, in a fence longer than any inside it. */
export function fenced({ name, text }: TextFile): string {
  const longest = Math.max(2, ...[...text.matchAll(/`{3,}/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${name.replaceAll('`', '').replace(/\s+/g, ' ')}:\n${fence}\n${text.replace(/\n?$/, '\n')}${fence}`;
}
