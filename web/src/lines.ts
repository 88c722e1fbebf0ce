/** Cuts text that comes in pieces into its lines. Framing only: what a line means is the business of `wire.ts`. */

/** The longest line that is waited for, in UTF-16 code units: four times the largest event that the service passes by default. */
export const MAX_LINE_CHARS = 4 * 1024 * 1024;

/** Lines in the making. */
export class LineSplitter {
  private rest = '';

  /** The lines that are complete with this piece, without their ends; blank ones are left out. */
  push(piece: string): string[] {
    const [first = '', ...others] = piece.split('\n');
    const head = this.rest + first;
    const last = others.pop();
    this.rest = last ?? head;
    return last === undefined ? [] : [head, ...others].filter((line) => line.trim());
  }

  /** Whether what waits for its newline is longer than any line may be. */
  get isOverlong(): boolean {
    return this.rest.length > MAX_LINE_CHARS;
  }

  /** What stands behind the last newline: a line whose end was lost, or nothing. */
  end(): string {
    const rest = this.rest;
    this.rest = '';
    return rest.trim() ? rest : '';
  }
}
