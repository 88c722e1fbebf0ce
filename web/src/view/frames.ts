/**
 * Paints at most once a frame, and never spends more than half of the time painting: after a frame that took long the
 * next one waits. So the cost of an answer stays in proportion to its length, and typing stays possible on a slow phone.
 */
const REST = 1;

/** Calls `paint` soon after each `request`, once for all of them. */
export class Frames {
  private readonly paint: () => void;
  private isAsked = false;
  private restUntil = 0;

  constructor(paint: () => void) {
    this.paint = paint;
  }

  request(): void {
    if (this.isAsked) return;
    this.isAsked = true;
    const rest = this.restUntil - performance.now();
    if (rest > 17) setTimeout(() => requestAnimationFrame(() => this.run()), rest - 17);
    else requestAnimationFrame(() => this.run());
  }

  private run(): void {
    this.isAsked = false;
    const start = performance.now();
    this.paint();
    const end = performance.now();
    this.restUntil = end + REST * (end - start);
  }
}
