/**
 * Paints at most once a frame, and after a frame that took long the next one waits twice as long. So the cost of an answer
 * stays in proportion to its length, and typing stays possible on a slow phone.
 */
const REST = 2;

/** What a frame takes at 60 a second: the last one of the rest is waited for by itself. */
const FRAME_MS = 17;

/** Calls `paint` soon after each `request`, once for all of them. */
export class Frames {
  private readonly paint: () => void;
  private readonly rendered = new MessageChannel();
  private isAsked = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private start = 0;
  private restUntil = 0;

  constructor(paint: () => void) {
    this.paint = paint;
    this.rendered.port1.onmessage = () => {
      const now = performance.now();
      this.restUntil = now + REST * (now - this.start);
    };
  }

  /** `isUrgent`: not to wait for the rest, as an answer has ended, or its backlog is in slices that are short by themselves. */
  request(isUrgent = false): void {
    if (this.isAsked && !(isUrgent && this.timer !== undefined)) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.isAsked = true;
    const rest = isUrgent ? 0 : this.restUntil - performance.now();
    if (rest > FRAME_MS) this.timer = setTimeout(() => this.request(true), rest - FRAME_MS);
    else requestAnimationFrame(() => this.run());
  }

  private run(): void {
    this.isAsked = false;
    this.start = performance.now();
    this.paint();
    // The message is handled when the browser has laid out and painted, which costs more than what is done here.
    this.rendered.port2.postMessage(null);
  }
}
