/**
 * Follows the end of what grows, and yields to the reader: every scroll position that this did not write itself is the
 * reader's. Coming back to the end takes up following again.
 */
const NEAR_PX = 48;

/** A scrolling element that stays at its end. */
export class Follow {
  private readonly box: HTMLElement;
  private readonly onChange: (follows: boolean) => void;
  private readonly sizes = new ResizeObserver(() => this.keep());
  private written = -1;
  private isFollowing = true;

  constructor(box: HTMLElement, onChange: (follows: boolean) => void = () => {}) {
    this.box = box;
    this.onChange = onChange;
    this.set(true);
    box.addEventListener('scroll', () => this.scrolled(), { passive: true });
    // Formulas are typeset late, windows are resized, keyboards slide in.
    for (const element of [box, ...box.children]) this.sizes.observe(element);
    // These come before the scroll that they cause, and would lose against text that grows in the meantime.
    box.addEventListener('wheel', (event) => event.deltaY < 0 && this.canScroll(event.target) && this.set(false), { passive: true });
    box.addEventListener('keydown', (event) => ['PageUp', 'ArrowUp', 'Home'].includes(event.key) && !isField(event.target) && this.set(false));
  }

  /** Goes to the end, if the reader is there. To be called after something grew. */
  keep(): void {
    if (this.isFollowing) this.write();
    else this.onChange(this.isAtEnd());
  }

  /** Goes to the end and stays there. */
  resume(): void {
    this.set(true);
    this.write();
  }

  /** Goes to the beginning, and follows nothing until the reader comes to the end. */
  rest(): void {
    this.set(false);
    this.box.scrollTop = 0;
    this.written = this.box.scrollTop;
  }

  /** Watches no more. */
  close(): void {
    this.sizes.disconnect();
  }

  private write(): void {
    const end = this.box.scrollHeight - this.box.clientHeight;
    if (Math.abs(this.box.scrollTop - end) > 1) this.box.scrollTop = end;
    this.written = this.box.scrollTop;
  }

  private scrolled(): void {
    const at = this.box.scrollTop;
    if (Math.abs(at - this.written) <= 1) return;
    // Text that shrank moves the position without anybody's will, but then it is exactly at the end.
    const distance = this.box.scrollHeight - this.box.clientHeight - at;
    this.set(distance <= 1 || (at > this.written && distance < NEAR_PX));
    this.written = at;
  }

  private isAtEnd(): boolean {
    return this.box.scrollHeight - this.box.clientHeight - this.box.scrollTop < NEAR_PX;
  }

  /** Whether a wheel over this element moves the box, and not a code block's or the thoughts' own. */
  private canScroll(target: EventTarget | null): boolean {
    for (let element = target as Element | null; element && element !== this.box; element = element.parentElement) {
      if (element.scrollHeight > element.clientHeight && element.scrollTop > 0) return false;
    }
    return this.box.scrollTop > 0;
  }

  private set(follows: boolean): void {
    this.isFollowing = follows;
    // The browser's own holding of the place would look like the reader's will.
    this.box.style.overflowAnchor = follows ? 'none' : '';
    this.onChange(follows || this.isAtEnd());
  }
}

function isField(target: EventTarget | null): boolean {
  return target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement;
}
