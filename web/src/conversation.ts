/**
 * Conversations: turns of a question and its answer, each behind the one before it. Asking the same again, or something
 * else in its place, makes another turn behind the same one: a version. Nothing is written over; what is shown is a path.
 */
import { type Answer, fail, isOpen } from './answer';
import type { ImageRef, TextFile } from './attachment';
import { type Failure, ownFailure } from './failure';

/** What a person asks: words, and what came with them. */
export interface Question {
  text: string;
  images: ImageRef[];
  files: TextFile[];
}

/** A question and what came of it. */
export interface Turn extends Question {
  id: string;
  /** The turn that this one follows; null for a first one. */
  parent: string | null;
  answer: Answer;
  /** Why asking again failed, while this answer, which is good, stays. */
  failedTry: Failure | null;
  /** What the reader thinks of the answer. */
  verdict: 'up' | 'down' | null;
}

/** As it is stored. */
export interface Conversation {
  id: string;
  title: string;
  /** Whether a person gave the title: then a new first question does not change it. */
  isNamed: boolean;
  isPinned: boolean;
  /** Times in ms since 1970. */
  created: number;
  updated: number;
  /** All versions, in the order in which they were asked. */
  turns: Turn[];
  /** Which version is shown behind a turn, by that turn's id; behind none: `''`. Without an entry it is the latest. */
  shown: Record<string, string>;
  /** The first turn that still counts, where older ones were left behind. */
  from: string | null;
  /** What the reader chose of the service's offer; null for its default. */
  model: string | null;
  effort: string | null;
}

/** Versions of a turn: other answers to the same question, and other questions in its place. */
export interface Versions {
  answers: readonly Turn[];
  /** Of each question the latest answer. */
  questions: readonly Turn[];
}

const MAX_TITLE_CHARS = 60;

/** A conversation of no turns. */
export function newConversation(now: number): Conversation {
  return {
    id: crypto.randomUUID(), title: '', isNamed: false, isPinned: false, created: now, updated: now, turns: [], shown: {},
    from: null, model: null, effort: null,
  };
}

/** A question of words alone. */
export function plainQuestion(text: string): Question {
  return { text, images: [], files: [] };
}

/** The turns that are shown, from the first to the last. */
export function pathOf({ turns, shown }: Conversation): Turn[] {
  const behind = new Map<string, Turn[]>();
  for (const turn of turns) {
    const siblings = behind.get(turn.parent ?? '');
    if (siblings) siblings.push(turn);
    else behind.set(turn.parent ?? '', [turn]);
  }
  const path: Turn[] = [];
  // Each turn is visited once at most, whatever a stored or imported record says of parents.
  for (let siblings = behind.get(''); siblings && path.length <= turns.length; ) {
    const wanted = shown[path.at(-1)?.id ?? ''];
    const turn: Turn | undefined = siblings.find(({ id }) => id === wanted) ?? siblings.at(-1);
    if (!turn) break;
    path.push(turn);
    siblings = behind.get(turn.id);
  }
  return path;
}

/** The versions of a turn that is part of the conversation. */
export function versionsOf({ turns }: Conversation, turn: Turn): Versions {
  const siblings = turns.filter(({ parent }) => parent === turn.parent);
  const questions = new Map<string, Turn>();
  for (const sibling of siblings) questions.set(asked(sibling), sibling);
  return { answers: siblings.filter((sibling) => asked(sibling) === asked(turn)), questions: [...questions.values()] };
}

/** Shows this turn in place of its other versions. */
export function showVersion(conversation: Conversation, turn: Turn): void {
  conversation.shown[turn.parent ?? ''] = turn.id;
}

/** Puts a turn behind another one, or at the beginning, and shows it. */
export function addTurn(conversation: Conversation, parent: string | null, question: Question, answer: Answer): Turn {
  const { text, images, files } = question;
  const turn: Turn = { id: crypto.randomUUID(), parent, text, images, files, answer, failedTry: null, verdict: null };
  conversation.turns.push(turn);
  showVersion(conversation, turn);
  return turn;
}

/**
 * After an answer ended: a try that brought no text, beside an answer to the same question that has some, is no version. The
 * good one is shown again, with what became of the try. Returns whether it was so.
 */
export function dropFailedTry(conversation: Conversation, turn: Turn): boolean {
  if (turn.answer.text.trim() || isOpen(turn.answer)) return false;
  const good = versionsOf(conversation, turn).answers.findLast((other) => other !== turn && other.answer.text.trim());
  if (!good || conversation.turns.some(({ parent }) => parent === turn.id)) return false;
  conversation.turns = conversation.turns.filter((other) => other !== turn);
  good.failedTry = turn.answer.failure;
  showVersion(conversation, good);
  return true;
}

/** Takes out a turn that has no answer to lose, as another try stands in its place. */
export function dropTurn(conversation: Conversation, turn: Turn): void {
  conversation.turns = conversation.turns.filter((other) => other !== turn);
}

/** What makes two turns versions of one question. */
function asked({ text, images, files }: Question): string {
  return JSON.stringify([text, images.map(({ id }) => id), files.map(({ name, text: content }) => [name, content.length])]);
}

/** The title that a first question suggests; empty if it has no words. */
export function titleFrom({ text, images, files }: Question): string {
  const line = text.trim().replace(/\s+/g, ' ') || (files[0]?.name ?? images[0]?.name ?? '');
  if (line.length <= MAX_TITLE_CHARS) return line;
  const cut = line.slice(0, MAX_TITLE_CHARS);
  // Between words, but for one that takes half of it; not inside a character that takes two places.
  const space = cut.lastIndexOf(' ');
  const title = space > MAX_TITLE_CHARS / 2 ? cut.slice(0, space) : cut;
  return `${title.replace(/[\ud800-\udbff]$/, '').trimEnd()}…`;
}

/** Answers that were still coming when the page went away have been interrupted by that. */
export function afterReload(conversation: Conversation): Conversation {
  for (const { answer } of conversation.turns) {
    if (isOpen(answer)) fail(answer, ownFailure('interrupted', { requestId: answer.requestId }));
  }
  return conversation;
}

/** Whether two records look the same: a conversation changes by its turns, by how the last one stands, and by its name. */
export function looksLike(one: Conversation, other: Conversation): boolean {
  const key = (of: Conversation) => {
    const last = pathOf(of).at(-1);
    return JSON.stringify([of.title, of.turns.length, of.from, of.shown, last?.id, last?.answer.state, last?.failedTry?.code]);
  };
  return key(one) === key(other);
}
