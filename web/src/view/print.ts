/** Paper: all of the conversation, not what is on the screen. */

/** Renders everything before it is printed. */
export function setUpPrinting(renderAll: () => Promise<void>): void {
  // By the keys there is time to load what typesets formulas; by the browser's menu there is not, but most often it is here.
  addEventListener('keydown', (event) => {
    if (event.key !== 'p' || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    void renderAll().then(() => print());
  });
  addEventListener('beforeprint', () => void renderAll());
}
