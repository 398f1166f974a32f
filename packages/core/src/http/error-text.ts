/** What a failed `fetch` says went wrong: its cause's code or message, where the runtime tells one. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  if ('code' in cause && typeof cause.code === 'string') return cause.code;
  return cause.message === '' ? error.message : cause.message;
}
