/** The turns of a conversation on the page. What is near the reader is awake; the rest costs next to nothing. */
import type { Turn } from '../conversation';
import type { Exchange } from '../exchange';
import { whenIdle } from '../idle';
import { finishDecorations } from '../markdown/later';
import type { TurnSource } from '../place';
import { TurnView } from './turn';

/** How far beyond the edges of what is seen turns are awake. */
const NEAR_PX = 1_200;
/** Turns that stay awake although they are far: going back and forth a little must not render them again. */
const MAX_AWAKE = 24;
/** How long waking may take in one frame. */
const FRAME_MS = 10;
/** And for the first sight of a conversation, where nothing is there yet that could be held up. */
const FIRST_MS = 40;

/** Turns that a conversation is first shown with, its last ones; those before them come by as many, when they are near or there is time. */
const BATCH = 8;

/** Shows a path of turns in `box`, which scrolls in `scroller`. */
export class Transcript {
  private readonly box: HTMLElement;
  private readonly scroller: HTMLElement;
  private readonly sourceOf: (turn: Turn) => TurnSource;
  /** Asks for another frame. */
  private readonly request: () => void;
  private readonly near = new Set<Element>();
  private readonly observer: IntersectionObserver;
  /** Turns at the beginning of the path that have no view yet. */
  private older: Turn[] = [];
  private isFilling = false;
  private views: TurnView[] = [];
  private byElement = new Map<Element, TurnView>();
  /** Those that are not all shown yet. */
  private readonly unfinished = new Set<TurnView>();

  constructor(scroller: HTMLElement, box: HTMLElement, sourceOf: (turn: Turn) => TurnSource, request: () => void) {
    this.scroller = scroller;
    this.box = box;
    this.sourceOf = sourceOf;
    this.request = request;
    this.observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) this.near.add(target);
        else this.near.delete(target);
      }
      request();
    }, { root: scroller, rootMargin: `${NEAR_PX}px 0px` });
  }

  /** Shows these turns; those that were shown before in the same place stay as they are. */
  show(path: readonly Turn[]): void {
    const same = this.sameAs(path);
    for (const view of this.views.splice(Math.max(0, same - this.older.length))) this.drop(view);
    const news = this.views.length > 0 ? path.slice(same) : path.slice(-BATCH);
    if (this.views.length === 0) this.older = path.slice(0, -BATCH);
    const views = this.made(news, path.length - news.length);
    this.views.push(...views);
    this.box.append(...views.map(({ element }) => element));
    const last = this.views.at(-1);
    if (last && !last.isAwake) {
      last.wake();
      this.unfinished.add(last);
      last.update(undefined, performance.now() + FIRST_MS);
    }
    this.request();
    this.fill();
  }

  /** The view of a turn that is shown, or is about to be. */
  viewOf(turn: Turn): TurnView | undefined {
    if (this.older.includes(turn)) this.showOlder(this.older.length);
    return this.views.find((view) => view.source.turn === turn);
  }

  /** The turn that holds this element. */
  turnAt(element: Element): Turn | undefined {
    const found = element.closest('.turn');
    return found ? this.byElement.get(found)?.source.turn : undefined;
  }

  /** Everything about the turns may have changed, but not which they are. */
  refresh(): void {
    for (const view of this.views) if (view.isAwake) this.unfinished.add(view);
    this.request();
  }

  /** Shows what is new, as far as a frame's time goes. Of the turns only the last one grows, which `exchange` is for. */
  paint(exchange: Exchange | undefined): void {
    const until = performance.now() + FRAME_MS;
    const last = this.views.at(-1);
    if (last) {
      // One slice: the rest of a burst has the frames that follow.
      if (last.update(exchange, 0)) this.unfinished.delete(last);
      else this.request();
    }
    for (const view of this.waiting()) {
      if (performance.now() > until) return this.request();
      this.keepingPlace(view, () => {
        view.wake();
        if (view === last || view.update(undefined, until)) this.unfinished.delete(view);
        else this.unfinished.add(view);
      });
    }
    const [first] = this.views;
    if (first && this.near.has(first.element)) this.showOlder(BATCH);
    if (this.unfinished.size > 0) this.request();
    this.letSleep();
  }

  /** Renders all of it at once, for paper. */
  async wakeAll(): Promise<void> {
    this.showOlder(this.older.length);
    for (const view of this.views) {
      view.wake();
      view.update(undefined, Infinity);
    }
    await finishDecorations();
  }

  /** How many turns of the path are shown already, from its beginning on. */
  private sameAs(path: readonly Turn[]): number {
    const shown = [...this.older, ...this.views.map(({ source }) => source.turn)];
    const other = shown.findIndex((turn, index) => turn !== path[index]);
    return other < 0 ? shown.length : other;
  }

  /** Views of turns of which the first one has so many before it. */
  private made(turns: readonly Turn[], before: number): TurnView[] {
    return turns.map((turn, index) => {
      const view = new TurnView(this.sourceOf(turn), before + index + 1);
      this.byElement.set(view.element, view);
      this.observer.observe(view.element);
      return view;
    });
  }

  /** Shows the older turns bit by bit while nothing else is to do: the browser's own search is to find them. */
  private fill(): void {
    if (this.isFilling || this.older.length === 0) return;
    this.isFilling = true;
    whenIdle(() => {
      this.isFilling = false;
      const until = performance.now() + FRAME_MS;
      while (this.older.length > 0 && performance.now() < until) this.showOlder(BATCH);
      this.fill();
    });
  }

  /** Puts as many of the older turns above those that are there. What the reader looks at stays where it is. */
  private showOlder(count: number): void {
    const turns = this.older.splice(Math.max(0, this.older.length - count));
    const views = this.made(turns, this.older.length);
    this.views.unshift(...views);
    const prepend = () => this.box.prepend(...views.map(({ element }) => element));
    // Asking for a height lays out everything: only where it must be known.
    if (CSS.supports('overflow-anchor', 'auto')) return prepend();
    const { scrollTop, scrollHeight } = this.scroller;
    prepend();
    this.scroller.scrollTop = scrollTop + this.scroller.scrollHeight - scrollHeight;
  }

  /** Awake turns with something left to show, and near ones that are not awake: those at the end first, as one reads there. */
  private waiting(): TurnView[] {
    return this.views.filter((view) => this.unfinished.has(view) || (!view.isAwake && this.near.has(view.element))).reverse();
  }

  private letSleep(): void {
    const awake = this.views.filter((view) => view.isAwake);
    let tooMany = awake.length - MAX_AWAKE;
    for (const view of awake) {
      if (tooMany <= 0) return;
      if (this.near.has(view.element) || view === this.views.at(-1) || view.isHeld) continue;
      this.unfinished.delete(view);
      this.keepingPlace(view, () => view.sleep());
      tooMany -= 1;
    }
  }

  /** Browsers that do not hold the place when something above it changes its height get it held by hand. */
  private keepingPlace(view: TurnView, change: () => void): void {
    if (CSS.supports('overflow-anchor', 'auto') || view.element.getBoundingClientRect().bottom > this.scroller.getBoundingClientRect().top + 1) return change();
    const before = view.element.offsetHeight;
    change();
    this.scroller.scrollTop += view.element.offsetHeight - before;
  }

  private drop(view: TurnView): void {
    view.sleep();
    view.element.remove();
    this.observer.unobserve(view.element);
    this.near.delete(view.element);
    this.unfinished.delete(view);
    this.byElement.delete(view.element);
  }
}
