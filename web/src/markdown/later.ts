/**
 * Work that decorates what can already be read: done in order, between frames, a few milliseconds at a time, so that it
 * never stands in the way of a key press.
 */
const SLICE_MS = 8;

const queue: (() => void | Promise<void>)[] = [];
let running = false;

/** Does this when it is its turn. What it throws is dropped: the undecorated text stays. */
export function later(work: () => void | Promise<void>): void {
  queue.push(work);
  if (!running) void run();
}

async function run(): Promise<void> {
  running = true;
  let sliceEnd = 0;
  for (let work = queue.shift(); work; work = queue.shift()) {
    if (performance.now() > sliceEnd) {
      await new Promise((resume) => setTimeout(resume));
      sliceEnd = performance.now() + SLICE_MS;
    }
    try {
      await work();
    } catch {
      // A formula or a piece of code that cannot be decorated is still there as text.
    }
  }
  running = false;
}
