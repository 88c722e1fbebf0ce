/** The headings of an answer, so that none skips a level: what a model writes as `###` first is the first level. */

/** The page's own headings are h1 (the page) and h2 (each question and answer): an answer's begin below. */
const FIRST_LEVEL = 3;
const LAST_LEVEL = 6;

/** Which headings a heading stands under. */
export class Outline {
  private readonly above: number[];

  constructor(above: readonly number[] = []) {
    this.above = [...above];
  }

  /** The level of the next heading, which was written with so many `#`. */
  level(depth: number): 3 | 4 | 5 | 6 {
    while (this.above.length > 0 && (this.above.at(-1) ?? 0) >= depth) this.above.pop();
    this.above.push(depth);
    return Math.min(FIRST_LEVEL - 1 + this.above.length, LAST_LEVEL) as 3 | 4 | 5 | 6;
  }

  /** One that goes on from here, and leaves this as it is. */
  copy(): Outline {
    return new Outline(this.above);
  }
}
