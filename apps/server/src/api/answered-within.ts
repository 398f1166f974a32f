import type { Clock } from '@ezthrottle/engine';
import { StoreUnavailableError } from '../store/store-unavailable-error.ts';

/**
 * What the store answers, if it does so in time: whoever asks how a server fares waits for no silent database.
 *
 * @throws StoreUnavailableError when nothing has come after so many milliseconds.
 */
export async function answeredWithin<T>(
  clock: Pick<Clock, 'after'>,
  milliseconds: number,
  answer: Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(milliseconds, () => {
      reject(new StoreUnavailableError(new Error(`no answer within ${milliseconds} ms`)));
    });
    answer.then(resolve, reject).finally(cancel);
  });
}
