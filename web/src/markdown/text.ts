/**
 * Markdown in an element, before and after the renderer is loaded. It is a chunk of its own, fetched when the page is up:
 * nobody needs it before the first word of an answer. Should it not come, the text is there as plain text.
 */
type Renderer = typeof import('./stream');

let renderer: Renderer | undefined;
let loading: Promise<Renderer | undefined> | undefined;

/** Fetches the renderer, if it is not here yet. */
export function loadRenderer(): Promise<Renderer | undefined> {
  loading ??= import('./stream').then(
    (module) => (renderer = module),
    () => (loading = undefined), // A lost connection: the next text tries again.
  );
  return loading;
}

/** A text that grows until its end. */
export class MarkdownText {
  private readonly root: HTMLElement;
  private stream: InstanceType<Renderer['MarkdownStream']> | undefined;
  private waiting = '';
  private isEnded = false;

  constructor(root: HTMLElement) {
    this.root = root;
    root.replaceChildren();
  }

  /** Takes a piece; nothing is shown before `render` or `end`. */
  push(piece: string): void {
    if (this.stream) this.stream.push(piece);
    else this.waiting += piece;
  }

  /** Shows what has come. */
  render(): void {
    if (this.adopt()) this.stream?.render();
  }

  /** Shows all of it, for good. */
  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    if (this.adopt()) this.finish();
  }

  private finish(): void {
    this.stream?.end();
  }

  /** Hands over to the renderer; false while there is none. */
  private adopt(): boolean {
    if (this.stream) return true;
    if (renderer) {
      this.root.classList.remove('plain');
      this.stream = new renderer.MarkdownStream(this.root);
      this.stream.push(this.waiting);
      this.waiting = '';
      return true;
    }
    this.root.classList.add('plain');
    this.root.textContent = this.waiting;
    void loadRenderer().then((loaded) => {
      if (!loaded || this.stream || !this.adopt()) return;
      if (this.isEnded) this.finish();
      else this.render();
    });
    return false;
  }
}
