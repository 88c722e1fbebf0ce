/**
 * Other tabs of this page, which show the same conversations: they hear of changes, and which of them an answer comes to.
 * Where the browser has neither channels nor locks (a page without HTTPS) each tab is by itself.
 */
type Message = { changed: string } | { stop: string };

/** This tab among the others. */
export class Tabs {
  private readonly channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('reasoning-chat') : null;

  /** Both are given a conversation's id: it was changed elsewhere, or its answer is to be stopped wherever it comes. */
  constructor(onChanged: (id: string) => void, onStop: (id: string) => void) {
    this.channel?.addEventListener('message', ({ data }: MessageEvent<Message>) => {
      if ('changed' in data) onChanged(data.changed);
      else onStop(data.stop);
    });
  }

  /** Tells the others. */
  tell(message: Message): void {
    this.channel?.postMessage(message);
  }

  /** Until `work` has ended, and no longer than this tab lives, the answer of this conversation comes here. */
  hold(id: string, work: Promise<void>): void {
    void navigator.locks?.request(lockFor(id), () => work).catch(() => {});
  }

  /** Whether the answer of this conversation comes to some tab. */
  async isHeld(id: string): Promise<boolean> {
    const locks = await navigator.locks?.query().catch(() => null);
    return locks?.held?.some(({ name }) => name === lockFor(id)) ?? false;
  }
}

function lockFor(id: string): string {
  return `answer ${id}`;
}
