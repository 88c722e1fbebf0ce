/**
 * Work that decorates what can already be read: formulas, colours. What comes into sight is done first, between frames, a
 * few milliseconds at a time, so that it never stands in the way of a key press; what nobody looks at waits.
 */
const SLICE_MS = 8;

/** How far beyond the edges of what is seen things are decorated. */
const NEAR_PX = 800;

/** So many may wait before it is looked which of them are still in the page. */
const MANY = 5_000;

type Work = () => void | Promise<void>;

/** What waits until its element comes into sight. */
const waiting = new Map<Element, Work>();
/** What is in sight, and waits for its turn. */
const ready: Work[] = [];
const observed = new WeakSet<Element>();
let enough = MANY;
const observers = new Map<Element | null, IntersectionObserver>();
let isRunning = false;

/** Does this when its element comes into sight. What it throws is dropped: the undecorated text stays. */
export function later(element: Element, work: Work): void {
  waiting.set(element, work);
  if (waiting.size > enough) prune();
  // A block that is still built is put into the page when this is over.
  queueMicrotask(() => {
    if (!waiting.has(element)) return;
    observed.add(element);
    observerFor(element).observe(element);
  });
}

/** Does all of it now, for paper. */
export async function finishDecorations(): Promise<void> {
  const all = [...ready.splice(0), ...[...waiting].filter(([element]) => element.isConnected).map(([, work]) => work)];
  waiting.clear();
  // Begun one after the other without waiting: what is loaded already is then done before this function's caller goes on.
  await Promise.all(all.map((work) => attempt(work)));
}

/** Forgets what left the page before anybody saw it. A block that is just being built is not in the page yet. */
function prune(): void {
  for (const element of waiting.keys()) if (observed.has(element) && !element.isConnected) waiting.delete(element);
  enough = Math.max(MANY, 2 * waiting.size);
}

function observerFor(element: Element): IntersectionObserver {
  const scroller = element.closest('[data-scroller]');
  let observer = observers.get(scroller);
  if (!observer) {
    observer = new IntersectionObserver((entries, self) => {
      for (const { target, isIntersecting } of entries) {
        // An element that left the page meanwhile was built anew, and asked again for itself.
        if (!isIntersecting && target.isConnected) continue;
        self.unobserve(target);
        const work = waiting.get(target);
        waiting.delete(target);
        if (work && isIntersecting) ready.push(work);
      }
      if (!isRunning && ready.length > 0) void run();
    }, { root: scroller, rootMargin: `${NEAR_PX}px` });
    observers.set(scroller, observer);
  }
  return observer;
}

async function run(): Promise<void> {
  isRunning = true;
  let sliceEnd = 0;
  for (let work = ready.shift(); work; work = ready.shift()) {
    if (performance.now() > sliceEnd) {
      await new Promise((resume) => setTimeout(resume));
      sliceEnd = performance.now() + SLICE_MS;
    }
    await attempt(work);
  }
  isRunning = false;
}

async function attempt(work: Work): Promise<void> {
  try {
    await work();
  } catch {
    // A formula or a piece of code that cannot be decorated is still there as text.
  }
}
