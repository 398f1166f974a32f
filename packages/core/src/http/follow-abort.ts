/** Aborts the controller when the signal is aborted, for its reason. The returned function lets go of the signal. */
export function followAbort(
  controller: AbortController,
  signal: AbortSignal | undefined,
): () => void {
  const onAbort = (): void => controller.abort(signal?.reason);
  if (signal?.aborted === true) onAbort();
  else signal?.addEventListener('abort', onAbort, { once: true });
  return () => signal?.removeEventListener('abort', onAbort);
}
