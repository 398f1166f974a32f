import type { WorkClaim } from './continuation-runner.ts';
import type { DedupeClaim } from './dedupe-store.ts';
import { DedupeStoreAnswerError, DedupeStoreTimeoutError, LeaseLostError } from './errors.ts';
import { inTime } from './in-time.ts';
import type { ReceiverSettings } from './receiver-options.ts';

export interface ClaimOptions {
  readonly settings: Pick<
    ReceiverSettings,
    'after' | 'dedupe' | 'dedupeTtlMs' | 'leaseMs' | 'storeTimeoutMs'
  >;
  /** Handed what goes on when nobody waits for the store any longer; it never rejects. */
  readonly onLate: (rest: Promise<void>) => void;
  /** Told of a claim that came late and could not be given back. */
  readonly onLost: (error: unknown) => void;
}

/**
 * Claims work in the store under a token of its own. Rejects when the store does, when it does not answer
 * in time, and when it says something that no store may say: nobody may work on a guess.
 */
export async function claimWork(id: string, options: ClaimOptions): Promise<WorkClaim> {
  const { settings, onLate, onLost } = options;
  const { dedupe: store, leaseMs, dedupeTtlMs, after, storeTimeoutMs: timeoutMs } = settings;
  const token = crypto.randomUUID();
  const answerTo = <Answer>(call: string, answer: Promise<Answer>): Promise<Answer> =>
    inTime(answer, {
      after,
      timeoutMs,
      tooLate: () => new DedupeStoreTimeoutError(call, timeoutMs),
    });
  const asked = (async () => store.begin(id, { leaseMs, token }))();
  let state: DedupeClaim;
  try {
    state = await answerTo('begin', asked);
  } catch (error) {
    // It may have been claimed for us all the same, and nobody else gets it until the lease ends.
    onLate(giveBack(asked, () => store.release(id, token), onLost));
    throw error;
  }
  if (state === 'done' || state === 'in_flight') return { state };
  if (state !== 'acquired') throw new DedupeStoreAnswerError('begin', state);
  return {
    state,
    async commit() {
      const commit = (async () => store.commit(id, token, dedupeTtlMs))();
      const isCommitted: unknown = await answerTo('commit', commit);
      if (isCommitted === false) throw new LeaseLostError(id);
      if (isCommitted !== true) throw new DedupeStoreAnswerError('commit', isCommitted);
    },
    async release() {
      // False says that the lease ran out meanwhile: then there is nothing left to give back.
      await answerTo('release', (async () => store.release(id, token))());
    },
  };
}

async function giveBack(
  asked: Promise<DedupeClaim>,
  release: () => Promise<unknown>,
  onLost: (error: unknown) => void,
): Promise<void> {
  const state = await asked.catch(() => null);
  if (state !== 'acquired') return;
  try {
    await release();
  } catch (error) {
    onLost(error);
  }
}
