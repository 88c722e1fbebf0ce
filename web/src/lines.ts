/** Cuts text that comes in pieces into its lines. Framing only: what a line means is the business of `wire.ts`. */
export class LineSplitter {
  private rest = '';

  /** The lines that are complete with this piece, without their ends; blank ones are left out. */
  push(piece: string): string[] {
    const lines = (this.rest + piece).split('\n');
    this.rest = lines.pop() ?? '';
    return lines.filter((line) => line.trim());
  }

  /** What stands behind the last newline: a line whose end was lost, or nothing. */
  end(): string {
    const rest = this.rest;
    this.rest = '';
    return rest.trim() ? rest : '';
  }
}
