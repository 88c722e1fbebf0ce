/** What the service offers: it is learnt, chosen from, and its limits leave room for so many questions. */
import type { Question } from './conversation';
import { remember } from './memory';
import { newestThatFit, roomFor } from './messages';
import type { Session } from './session';
import type { Shown } from './shown';
import { say } from './view/announce';
import type { Attachments } from './view/attachments';
import { Choice, type Chosen } from './view/choice';
import { Room } from './view/room';
import { words } from './words';

/** What this needs of the page around it. */
export interface Around {
  /** What is typed at the moment. */
  question(): Question;
  /** Somebody signed in: before anything else is shown, what they left unclaimed becomes theirs. */
  signedIn(): Promise<void>;
  /** What there is to say about the turns may be different. */
  told(): void;
  /** The conversation changed, and is to be kept. */
  changed(): void;
  /** As much, and the reader goes on with the next question. */
  leftBehind(): void;
}

/** The choice, the room, and what both go by. */
export class Offering {
  private readonly session: Session;
  private readonly shown: Shown;
  private readonly attachments: Attachments;
  private readonly around: Around;
  private readonly choice = new Choice((chosen) => this.choose(chosen));
  private readonly room = new Room(() => this.goOnWithNewest());

  constructor(session: Session, shown: Shown, attachments: Attachments, around: Around) {
    this.session = session;
    this.shown = shown;
    this.attachments = attachments;
    this.around = around;
  }

  /** Takes what the service and its operator tell of themselves, when they have told it. */
  async learn(): Promise<void> {
    const { shown } = this;
    const [{ kind }, config] = await Promise.all([this.session.signInState(), this.session.config.catch(() => null)]);
    const canSignIn = kind === 'needed' || kind === 'done' || kind === 'broken';
    shown.known = { ...shown.known, canSignIn, canJudge: config?.feedback ?? false, isSignedOut: kind === 'needed' };
    if (kind === 'done') await this.around.signedIn();
    shown.known = { ...shown.known, offer: await this.session.offer() };
    this.show();
    this.around.told();
  }

  /** What is chosen in the conversation that is shown. */
  get chosen(): Chosen {
    return this.choice.value;
  }

  /** Shows the choice and the room of the conversation that is shown. */
  show(): void {
    const { conversation: { model, effort }, known, takesImages, limits } = this.shown;
    this.choice.show(known.offer, { model, effort });
    this.attachments.setOffer(takesImages, known.offer && limits);
    this.showRoom();
  }

  /** Says how near the next question comes to a limit. */
  showRoom(): void {
    const { path, isBusy, counting, takesImages, limits } = this.shown;
    if (path.length === 0 || isBusy) return this.room.show(0, null);
    const { share, left } = roomFor(this.around.question(), counting, takesImages, limits);
    this.room.show(share, left);
  }

  /** The older turns do not count any more. They stay, and can be read. */
  goOnWithNewest(): void {
    const { conversation, path, counting, limits } = this.shown;
    const from = newestThatFit(counting, limits);
    if (!from) return;
    conversation.from = from;
    this.around.leftBehind();
    say(words.olderLeftBehind(path.findIndex(({ id }) => id === from)));
  }

  private choose({ model, effort }: Chosen): void {
    const { conversation, path } = this.shown;
    conversation.model = model;
    conversation.effort = effort;
    // The next new chat begins with it.
    remember('model', model);
    remember('effort', effort);
    this.show();
    if (path.length > 0) this.around.changed();
  }
}
