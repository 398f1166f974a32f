import { isOfAbortedTransaction } from './postgres-error.ts';

/**
 * Like `Promise.all`, but waits for all of them, also when one fails: none may still send statements when
 * the transaction is rolled back. Of several errors, the one that was not caused by another is thrown.
 */
export async function together<Of extends readonly unknown[] | []>(
  values: Of,
): Promise<{ -readonly [Index in keyof Of]: Awaited<Of[Index]> }> {
  const settled = await Promise.allSettled(values);
  const errors = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
  if (errors.length > 0) throw errors.find((error) => !isOfAbortedTransaction(error)) ?? errors[0];
  return Promise.all(values);
}
