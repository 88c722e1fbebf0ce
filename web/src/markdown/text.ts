/**
 * Markdown in an element, before and after the renderer is loaded. It is a chunk of its own, fetched when the page is up:
 * nobody needs it before the first word of an answer. Should it not come, the text is there as plain text.
 */
type Renderer = typeof import('./stream');

/** The most of a text that one frame takes: a burst of a hundred kilobytes must not freeze the page. */
const SLICE_CHARS = 4_000;

/** How long a text that was shown plain may take to be rendered, when the renderer comes. */
const LATE_MS = 30;

/** How long a renderer that could not be fetched is not asked for again. */
const RETRY_MS = 3_000;

let renderer: Renderer | undefined;
let loading: Promise<Renderer | undefined> | undefined;

/** Fetches the renderer, if it is not here yet. */
export function loadRenderer(): Promise<Renderer | undefined> {
  loading ??= import('./stream').then(
    (module) => (renderer = module),
    () => {
      // A lost connection, most likely: a later text tries again.
      setTimeout(() => (loading = undefined), RETRY_MS);
      return undefined;
    },
  );
  return loading;
}

/** A text that grows until its end. */
export class MarkdownText {
  private readonly root: HTMLElement;
  private stream: InstanceType<Renderer['MarkdownStream']> | undefined;
  /** How much of the text the stream has. */
  private given = 0;
  private isEnded = false;
  private latest: [text: string, isWhole: boolean] = ['', false];
  private awaited: Promise<Renderer | undefined> | undefined;

  constructor(root: HTMLElement) {
    this.root = root;
    root.replaceChildren();
  }

  /**
   * Shows a text, which is the one before and more of it, or another one. Of a long piece slices are shown, `until` that time
   * (by `performance.now()`) and at least one; false when there is more for the next frame.
   */
  show(text: string, isWhole: boolean, until: number): boolean {
    this.latest = [text, isWhole];
    if (!renderer) return this.showPlain(text);
    const isAnother = text.length < this.given || (this.isEnded && text.length > this.given);
    if (!this.stream || isAnother) this.begin(renderer);
    while (!this.isEnded) {
      const end = until === Infinity ? text.length : Math.min(text.length, this.given + SLICE_CHARS);
      const news = text.slice(this.given, end);
      this.given = end;
      this.stream?.push(news);
      this.isEnded = isWhole && end === text.length;
      if (this.isEnded) this.stream?.end();
      else if (news) this.stream?.render();
      if (end === text.length) return true;
      if (performance.now() >= until) return false;
    }
    return true;
  }

  private begin({ MarkdownStream }: Renderer): void {
    this.root.classList.remove('plain');
    this.stream = new MarkdownStream(this.root);
    this.given = 0;
    this.isEnded = false;
  }

  /** Until the renderer is here the text is shown as it is written. */
  private showPlain(text: string): boolean {
    this.root.classList.add('plain');
    if (this.root.textContent !== text) this.root.textContent = text;
    const loaded = loadRenderer();
    if (this.awaited !== loaded) void loaded.then((module) => module && this.show(...this.latest, performance.now() + LATE_MS));
    this.awaited = loaded;
    return true;
  }
}
