/** Calls back after a delay in milliseconds, unless cancelled. For every runtime. */
export function afterTimeout(delayMs: number, callback: () => void): () => void {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
}
