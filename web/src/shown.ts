/** What is shown: a conversation, the path of its turns, and what is known of the service that it is asked of. */
import { isOpen } from './answer';
import { type Conversation, newConversation, pathOf, type Turn } from './conversation';
import { remembered } from './memory';
import { countingTurns } from './messages';
import { type Limits, type Model, NO_LIMITS } from './offer';
import { type Known, modelOf } from './place';

/** The state that the parts of the page share; only `show` and `follow` change which turns it is about. */
export class Shown {
  conversation: Conversation = newConversation(Date.now());
  path: readonly Turn[] = [];
  known: Known = { offer: null, canSignIn: false, canJudge: false, isSignedOut: false };
  /** Counts what was shown: a conversation that was long in loading must not come over another one. */
  count = 0;

  /** Shows this conversation from here on. */
  show(conversation: Conversation): void {
    this.count += 1;
    this.conversation = conversation;
    this.follow();
  }

  /** The conversation's turns, or which of them are its path, changed. */
  follow(): void {
    this.path = pathOf(this.conversation);
  }

  get last(): Turn | undefined {
    return this.path.at(-1);
  }

  /** Whether the answer that is shown last still comes. */
  get isBusy(): boolean {
    return this.last !== undefined && isOpen(this.last.answer);
  }

  /** The turns that are sent with the next question. */
  get counting(): readonly Turn[] {
    return countingTurns(this.path, this.conversation.from);
  }

  get limits(): Limits {
    return this.known.offer?.limits ?? NO_LIMITS;
  }

  get model(): Model | null {
    return modelOf(this.conversation, this.known);
  }

  get takesImages(): boolean {
    return this.model?.images ?? false;
  }
}

/** A conversation that begins, with what was chosen last. */
export function fresh(): Conversation {
  return { ...newConversation(Date.now()), model: remembered('model'), effort: remembered('effort') };
}
