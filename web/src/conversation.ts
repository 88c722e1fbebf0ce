/** Conversations: turns of a question and its answer. */
import type { Answer } from './answer';
import { fail, isOpen } from './answer';
import type { Message } from './ask';
import { ownFailure } from './failure';

/** A question and what came of it. */
export interface Turn {
  question: string;
  answer: Answer;
}

/** As it is stored. */
export interface Conversation {
  id: string;
  title: string;
  /** Whether a person gave the title: then a new first question does not change it. */
  isNamed: boolean;
  /** Times in ms since 1970. */
  created: number;
  updated: number;
  turns: Turn[];
}

const MAX_TITLE_CHARS = 60;

/** A conversation of no turns. */
export function newConversation(now: number): Conversation {
  return { id: crypto.randomUUID(), title: 'New chat', isNamed: false, created: now, updated: now, turns: [] };
}

/** The title that a first question suggests. */
export function titleFrom(question: string): string {
  const line = question.trim().replace(/\s+/g, ' ');
  if (line.length <= MAX_TITLE_CHARS) return line || 'New chat';
  const cut = line.slice(0, MAX_TITLE_CHARS);
  // Between words, but for one that takes half of it; not inside a character that takes two places.
  const space = cut.lastIndexOf(' ');
  const title = space > MAX_TITLE_CHARS / 2 ? cut.slice(0, space) : cut;
  return `${title.replace(/[\ud800-\udbff]$/, '').trimEnd()}…`;
}

/**
 * What is sent for the last turn: its question, and the turns before it that have an answer. A turn without one (failed,
 * or taken back by the filter) is left out with its question: models want turns to alternate, and a question that the
 * filter refused would be refused again with every one that follows.
 */
export function messagesFor(turns: readonly Turn[]): Message[] {
  const messages: Message[] = [];
  for (const turn of turns.slice(0, -1)) {
    if (!turn.answer.text.trim()) continue;
    messages.push({ role: 'user', content: turn.question }, { role: 'assistant', content: turn.answer.text });
  }
  const last = turns.at(-1);
  if (last) messages.push({ role: 'user', content: last.question });
  return messages;
}

/** Answers that were still coming when the page went away have been interrupted by that. */
export function afterReload(conversation: Conversation): Conversation {
  for (const { answer } of conversation.turns) {
    if (!isOpen(answer)) continue;
    fail(answer, ownFailure('interrupted', 'The page was closed or reloaded while the answer came.', { requestId: answer.requestId }));
  }
  return conversation;
}

/** The conversation as Markdown, thoughts folded away. */
export function toMarkdown(conversation: Conversation): string {
  const parts = [`# ${conversation.title}`];
  for (const { question, answer } of conversation.turns) {
    parts.push('## Question', question, '## Answer');
    if (answer.thoughts.trim()) parts.push(`<details>\n<summary>Thoughts</summary>\n\n${answer.thoughts.trim()}\n\n</details>`);
    parts.push(answer.text.trim() || `*(${without(answer)})*`);
  }
  return `${parts.join('\n\n')}\n`;
}

function without(answer: Answer): string {
  if (answer.state === 'filtered') return 'taken back by the content filter';
  if (answer.failure) return `no answer: ${answer.failure.text}`;
  return answer.state === 'stopped' ? 'stopped before an answer' : 'no answer';
}

/** A name for the exported file that every system takes. */
export function fileNameFor(conversation: Conversation): string {
  const stem = conversation.title.normalize('NFKD').replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '').slice(0, 60);
  return `${stem || 'chat'}.md`;
}
