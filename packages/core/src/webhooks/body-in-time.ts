import { BodyUnreadableError } from './errors.ts';
import type { ReceiverSettings } from './receiver-options.ts';
import type { BodyReader } from './receiver-request.ts';

type BodyLimits = Pick<ReceiverSettings, 'after' | 'handlerTimeoutMs' | 'maxBodyBytes'>;

/** What a body leads to: one of the two is called, once. */
interface BodyOutcome {
  readonly onBody: (body: Uint8Array | null) => void;
  readonly onError: (error: unknown) => void;
}

/** Reads the body; one that takes too long counts as unreadable. Never throws. */
export function readInTime(body: BodyReader, limits: BodyLimits, outcome: BodyOutcome): void {
  const { maxBodyBytes, after, handlerTimeoutMs } = limits;
  let isOver = false;
  let cancel = (): void => {};
  const isFirst = (): boolean => {
    if (isOver) return false;
    isOver = true;
    cancel();
    return true;
  };
  const failed = (error: unknown): void => {
    if (isFirst()) outcome.onError(error);
  };
  try {
    cancel = after(handlerTimeoutMs, () => {
      failed(new BodyUnreadableError(new Error(`It had not come after ${handlerTimeoutMs} ms.`)));
    });
    body(maxBodyBytes).then((bytes) => {
      if (isFirst()) outcome.onBody(bytes);
    }, failed);
  } catch (error) {
    failed(error);
  }
}
