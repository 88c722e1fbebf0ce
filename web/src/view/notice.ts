/** What stands below an answer that did not end as it should: what happened, and what to do. */
import type { Answer } from '../answer';
import { el } from '../element';
import { type Failure, needsSignIn, tellingText, wordsFor } from '../failure';
import { words } from '../words';
import { icon } from './icons';

/** What the reader can do in a turn. The page acts on clicks on `[data-act]`. */
export type Act = 'retry' | 'edit' | 'continue' | 'sign-in' | 'copy' | 'regenerate' | 'new-chat' | 'newest' | 'dismiss' | 'copy-id' | 'up' | 'down'
  | VersionAct;

/** The way to another version of an answer or a question. */
export type VersionAct = `${'older' | 'newer'}-${'answer' | 'question'}`;

interface Content {
  tone: 'bad' | 'mild';
  title: string;
  text: string;
  /** The service's own words, in English. */
  said: string;
  acts: readonly Act[];
}

/** What a notice may offer. */
export interface Means {
  /** Only the last turn can be acted on. */
  isLast: boolean;
  /** Whether a sign-in is set up. */
  canSignIn: boolean;
}

/** The notice, or nothing for an answer that is whole or still comes. */
export function notice(answer: Answer, means: Means): HTMLElement | null {
  const content = contentFor(answer, means.canSignIn);
  return content && show(content, answer.failure, answer.requestId, answer.failure?.code ?? answer.finishReason ?? answer.state, means.isLast);
}

/** What became of another try, below the good answer that stays. */
export function failedTryNotice(failure: Failure, means: Means): HTMLElement {
  const content = failed(failure, means.canSignIn);
  return show({ ...content, title: words.failedTry(content.title), acts: [...content.acts.filter((act) => act !== 'edit'), 'dismiss'] },
    failure, failure.requestId, failure.code, means.isLast);
}

/** One sentence of it, for those who do not see it. */
export function spokenNotice(answer: Answer): string | null {
  const content = contentFor(answer, false);
  return content && [`${content.title}.`, content.text].join(' ').trim();
}

function show(content: Content, failure: Failure | null, requestId: string | null, code: string, isLast: boolean): HTMLElement {
  const acts = isLast ? content.acts : [];
  const isSlim = !content.text && !content.said && !failure;
  return el('div', { class: `notice ${content.tone}${isSlim ? ' slim' : ''}`, 'data-code': code },
    icon(content.tone === 'bad' ? 'warn' : 'info'),
    el('div', {},
      el('p', { class: 'notice-title' }, content.title),
      content.text && el('p', {}, content.text),
      content.said && el('p', { class: 'said', dir: 'auto', lang: 'en' }, content.said),
      failure?.retryAfter && isLast ? el('p', { class: 'wait', 'data-until': (failure.saidAt ?? Date.now()) + failure.retryAfter * 1000 }) : null,
      failure && requestId && el('p', { class: 'request-id' }, `${words.requestId} `, el('code', { dir: 'ltr' }, requestId),
        el('button', { type: 'button', class: 'quiet', 'data-act': 'copy-id' }, icon('copy'), words.copy)),
      acts.length > 0 && el('div', { class: 'acts' },
        ...acts.map((act) => el('button', { type: 'button', 'data-act': act }, words.acts[act as keyof typeof words.acts])))));
}

function contentFor(answer: Answer, canSignIn: boolean): Content | null {
  if (answer.failure) return failed(answer.failure, canSignIn);
  const hasText = answer.text.trim() !== '';
  switch (answer.state) {
    case 'filtered':
      return { tone: 'bad', ...words.filtered, said: '', acts: ['edit'] };
    case 'stopped':
      return { tone: 'mild', title: words.stopped, text: hasText ? '' : words.stoppedBefore, said: '', acts: ['retry'] };
    case 'done':
      return hasText ? cutShort(answer) : withoutAnswer(answer);
    default:
      return null;
  }
}

function cutShort(answer: Answer): Content | null {
  if (answer.finishReason !== 'length') return null;
  return { tone: 'mild', ...words.cutShort, said: '', acts: ['continue', 'retry'] };
}

function withoutAnswer(answer: Answer): Content {
  if (answer.finishReason === 'length') return { tone: 'bad', ...words.onlyThought, said: '', acts: ['retry', 'edit'] };
  return { tone: 'bad', title: words.noAnswer, text: answer.thoughts.trim() ? words.endedAfterThoughts : words.endedWithoutWord, said: '', acts: ['retry'] };
}

const EDITABLE = ['content_filter', 'context_length_exceeded', 'invalid_request', 'request_too_large', 'upstream_rejected'];
const TOO_MUCH = ['context_length_exceeded', 'request_too_large'];

function failed(failure: Failure, canSignIn: boolean): Content {
  const { title, advice } = wordsFor(failure.code);
  const wantsSignIn = needsSignIn(failure);
  const categories = failure.categories.length > 0 ? words.objectedTo(failure.categories.map((name) => name.replaceAll('_', ' '))) : '';
  // Where seconds are counted down, they are the advice.
  const whatToDo = failure.retryAfter ? '' : wantsSignIn && !canSignIn ? words.noSignInHere : advice;
  const acts: Act[] = [];
  if (wantsSignIn && canSignIn) acts.push('sign-in');
  if (TOO_MUCH.includes(failure.code)) acts.push('newest');
  // Even what is not called retryable may work once somebody has repaired something; it is just not offered first.
  if (failure.retryable || wantsSignIn) acts.push('retry');
  if (EDITABLE.includes(failure.code)) acts.push('edit');
  if (TOO_MUCH.includes(failure.code)) acts.push('new-chat');
  if (acts.length === 0) acts.push('retry');
  return { tone: 'bad', title, text: [categories, whatToDo].filter(Boolean).join(' '), said: tellingText(failure), acts };
}
