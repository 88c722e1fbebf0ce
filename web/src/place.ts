/** How a turn stands in its conversation and to the service: what the page shows of that, and what can be done with it. */
import type { Answer } from './answer';
import { type Conversation, type Turn, type Versions, versionsOf } from './conversation';
import { countingTurns, newestImages } from './messages';
import { type Model, modelNamed, NO_LIMITS, type Offer } from './offer';
import { words } from './words';

/** What the page around it says of a turn. */
export interface Place {
  isLast: boolean;
  /** Whether it is still sent with the next question. */
  counts: boolean;
  /** Whether older turns were left behind above it. */
  isFirst: boolean;
  versions: Versions;
  /** Its images that are still sent, by their ids. */
  sentImages: ReadonlySet<string>;
  /** What there is to say, once, about how this model thinks. */
  note: string | null;
  /** Who answered, as people call it. */
  model: string | null;
  canSignIn: boolean;
  canJudge: boolean;
}

/** A turn, and the page's word about it as it is now. */
export interface TurnSource {
  turn: Turn;
  place: () => Place;
  /** The image with this id, if it is still kept. */
  imageUrl: (id: string) => Promise<string | undefined>;
}

/** What is known of the service and its operator; before they have told it, nothing is. */
export interface Known {
  offer: Offer | null;
  canSignIn: boolean;
  canJudge: boolean;
  /** Whether somebody could sign in, and has not. */
  isSignedOut: boolean;
}

/** The model that a conversation's next question goes to; null where no choice is offered. */
export function modelOf(conversation: Conversation, { offer }: Known): Model | null {
  return offer && modelNamed(offer, conversation.model);
}

/** The place of a turn on the path that is shown. */
export function placeOf(turn: Turn, path: readonly Turn[], conversation: Conversation, known: Known): Place {
  const counting = countingTurns(path, conversation.from);
  const counts = counting.includes(turn);
  const isSeen = counts && turn.images.length > 0 && (modelOf(conversation, known)?.images ?? false);
  return {
    isLast: turn === path.at(-1),
    counts,
    isFirst: conversation.from === turn.id && turn !== path[0],
    versions: versionsOf(conversation, turn),
    sentImages: isSeen ? newestImages(counting, known.offer?.limits ?? NO_LIMITS) : new Set(),
    note: noteOn(turn.answer, path),
    model: titleOf(turn.answer, known.offer),
    canSignIn: known.canSignIn,
    canJudge: known.canJudge,
  };
}

/** That a model tells no thoughts, or has none, is said where it first did so. */
function noteOn(answer: Answer, path: readonly Turn[]): string | null {
  if (answer.told !== 'hidden' && answer.told !== 'none') return null;
  const first = path.find((other) => other.answer.told === answer.told && other.answer.model === answer.model);
  return first?.answer === answer ? words.told[answer.told] : null;
}

function titleOf({ model }: Answer, offer: Offer | null): string | null {
  return model && (offer?.models.find(({ name }) => name === model)?.title ?? model);
}
