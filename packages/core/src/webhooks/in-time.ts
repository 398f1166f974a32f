import type { ReceiverSettings } from './receiver-options.ts';

export interface TimeLimit {
  readonly after: ReceiverSettings['after'];
  readonly timeoutMs: number;
  /** What the caller gets when time is up. */
  readonly tooLate: () => Error;
}

/** Settles as the work does, or rejects when time is up first. Nothing stops the work itself. */
export function inTime<Result>(
  work: PromiseLike<Result>,
  { after, timeoutMs, tooLate }: TimeLimit,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const cancel = after(timeoutMs, () => reject(tooLate()));
    work.then(
      (result) => {
        cancel();
        resolve(result);
      },
      (error: unknown) => {
        cancel();
        reject(error);
      },
    );
  });
}
