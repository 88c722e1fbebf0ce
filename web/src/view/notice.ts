/** What stands below an answer that did not end as it should: what happened, and what to do. */
import type { Answer } from '../answer';
import { el } from '../element';
import { type Failure, needsSignIn, wordsFor } from '../failure';
import { icon } from './icons';

/** What the reader can do about it. The page acts on clicks on `[data-act]`. */
export type Act = 'retry' | 'edit' | 'continue' | 'sign-in' | 'copy' | 'regenerate' | 'new-chat';

interface Content {
  tone: 'bad' | 'mild';
  title: string;
  text: string;
  acts: readonly (readonly [Act, string])[];
}

const RETRY = ['retry', 'Retry'] as const;
const EDIT = ['edit', 'Edit message'] as const;

/** The notice, or nothing for an answer that is whole or still comes. Only the last turn can be acted on. */
export function notice(answer: Answer, isLast: boolean): HTMLElement | null {
  const content = contentFor(answer);
  if (!content) return null;
  const acts = isLast ? content.acts : [];
  const failure = answer.failure;
  return el('div', { class: `notice ${content.tone}${content.text || failure ? '' : ' slim'}`, 'data-code': failure?.code ?? answer.finishReason ?? answer.state },
    icon(content.tone === 'bad' ? 'warn' : 'info'),
    el('div', {},
      el('p', { class: 'notice-title' }, content.title),
      content.text && el('p', {}, content.text),
      failure?.retryAfter ? el('p', { class: 'wait', 'data-seconds': failure.retryAfter }) : null,
      failure && answer.requestId && el('p', { class: 'request-id' }, 'Request id ', el('code', {}, answer.requestId)),
      acts.length > 0 && el('div', { class: 'acts' },
        ...acts.map(([act, label]) => el('button', { type: 'button', 'data-act': act }, label)))));
}

/** One sentence of it, for those who do not see it. */
export function spokenNotice(answer: Answer): string | null {
  const content = contentFor(answer);
  return content && `${content.title}. ${content.text}`;
}

function contentFor(answer: Answer): Content | null {
  if (answer.failure) return failed(answer.failure);
  const hasText = answer.text.trim() !== '';
  switch (answer.state) {
    case 'filtered':
      return { tone: 'bad', title: 'The answer was taken back', acts: [EDIT],
        text: 'The content filter of the model’s service objected to it. Edit your message and say it differently.' };
    case 'stopped':
      return { tone: 'mild', title: 'Stopped', text: hasText ? '' : 'You stopped it before there was an answer.', acts: [RETRY] };
    case 'done':
      return hasText ? cutShort(answer) : withoutAnswer(answer);
    default:
      return null;
  }
}

function cutShort(answer: Answer): Content | null {
  if (answer.finishReason !== 'length') return null;
  return { tone: 'mild', title: 'The answer is cut short', text: 'It reached the largest number of tokens that an answer may have.',
    acts: [['continue', 'Go on'], RETRY] };
}

function withoutAnswer(answer: Answer): Content {
  if (answer.finishReason === 'length') {
    return { tone: 'bad', title: 'It thought, but did not answer', acts: [RETRY, EDIT],
      text: 'The thoughts took all the tokens that an answer may have. Ask for less at once, or retry.' };
  }
  const text = answer.thoughts.trim() ? 'The model ended after its thoughts. They are above.' : 'The model ended without a word.';
  return { tone: 'bad', title: 'There is no answer', text, acts: [RETRY] };
}

function failed(failure: Failure): Content {
  const words = wordsFor(failure.code);
  const categories = failure.categories.length > 0 ? ` It objected to: ${failure.categories.join(', ').replaceAll('_', ' ')}.` : '';
  // The server's text may begin with the title and end in the advice; each of them once is enough.
  const said = failure.text.trim();
  const says = said.startsWith(`${words.title}.`) ? said.slice(words.title.length + 1).trim() : said;
  const text = `${says}${categories}${/\b(try again|retry|start a new|say it differently)/i.test(says) ? '' : ` ${words.advice}`}`.trim();
  const acts: (readonly [Act, string])[] = [];
  if (needsSignIn(failure)) acts.push(['sign-in', 'Sign in']);
  // Even what is not called retryable may work once somebody has repaired something; it is just not offered first.
  if (failure.retryable || acts.length > 0) acts.push(RETRY);
  if (['content_filter', 'context_length_exceeded', 'invalid_request', 'request_too_large', 'upstream_rejected'].includes(failure.code)) acts.push(EDIT);
  if (['context_length_exceeded', 'request_too_large'].includes(failure.code)) acts.push(['new-chat', 'New chat']);
  if (acts.length === 0) acts.push(['retry', 'Try anyway']);
  return { tone: 'bad', title: words.title, text, acts };
}
