// Before the first paint, so that nobody who chose dark sees a flash of light. The page's own script comes too late for that.
try {
  document.documentElement.dataset.theme = localStorage.getItem('theme') ?? 'system';
} catch {
  // A browser that keeps nothing: as the system has it.
}
