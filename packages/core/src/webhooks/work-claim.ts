import { andThen, isPending, type Awaitable } from '../awaitable.ts';
import type { WorkClaim } from './continuation-runner.ts';
import type { DedupeClaim } from './dedupe-store.ts';
import { DedupeStoreAnswerError, DedupeStoreTimeoutError, LeaseLostError } from './errors.ts';
import { inTime } from './in-time.ts';
import type { ReceiverSettings } from './receiver-options.ts';

type ClaimSettings = Pick<
  ReceiverSettings,
  'after' | 'dedupe' | 'dedupeTtlMs' | 'leaseMs' | 'storeTimeoutMs'
>;

export interface ClaimOptions {
  readonly settings: ClaimSettings;
  /** Handed what goes on when nobody waits for the store any longer; it never rejects. */
  readonly onLate: (rest: Promise<void>) => void;
  /** Told of a claim that came late and could not be given back. */
  readonly onLost: (error: unknown) => void;
}

/** A `WorkClaim` whose store may have answered at once. */
export type Claim = HeldClaim | Exclude<WorkClaim, { state: 'acquired' }>;

/** Work that is ours until the lease ends. */
export class HeldClaim {
  readonly state = 'acquired' as const;
  readonly #id: string;
  readonly #token: string;
  readonly #settings: ClaimSettings;

  constructor(id: string, token: string, settings: ClaimSettings) {
    this.#id = id;
    this.#token = token;
    this.#settings = settings;
  }

  /** @throws {LeaseLostError} or rejects with it, when the claim is no longer ours. */
  commit(): Awaitable<void> {
    const { dedupe, dedupeTtlMs } = this.#settings;
    const id = this.#id;
    const asked = dedupe.commit(id, this.#token, dedupeTtlMs);
    return andThen(answerTo('commit', asked, this.#settings), (isCommitted: unknown) => {
      if (isCommitted === false) throw new LeaseLostError(id);
      if (isCommitted !== true) throw new DedupeStoreAnswerError('commit', isCommitted);
    });
  }

  /** False of the store says that the lease ran out meanwhile: then there is nothing left to give back. */
  release(): Awaitable<unknown> {
    return answerTo(
      'release',
      this.#settings.dedupe.release(this.#id, this.#token),
      this.#settings,
    );
  }
}

/**
 * Claims work in the store under a token of its own. Throws or rejects when the store does, when it does not
 * answer in time, and when it says something that no store may say: nobody may work on a guess.
 */
export function claimWork(id: string, options: ClaimOptions): Awaitable<Claim> {
  const { settings } = options;
  const { dedupe, leaseMs } = settings;
  const token = newToken();
  const asked = dedupe.begin(id, { leaseMs, token });
  if (!isPending(asked)) return claimOf(asked, id, token, settings);
  return answerTo('begin', asked, settings).then(
    (state) => claimOf(state, id, token, settings),
    (error: unknown) => {
      // It may have been claimed for us all the same, and nobody else gets it until the lease ends.
      const release = async (): Promise<unknown> => dedupe.release(id, token);
      options.onLate(giveBack(asked, release, options.onLost));
      throw error;
    },
  );
}

/** Random once for this process, since tokens of others must differ; then counted. */
let ownName: string | undefined;
let count = 0;

function newToken(): string {
  // Not before it is needed: some hosts have no randomness while a module loads.
  ownName ??= crypto.randomUUID();
  count += 1;
  return `${ownName}:${count}`;
}

function claimOf(state: DedupeClaim, id: string, token: string, settings: ClaimSettings): Claim {
  if (state === 'done' || state === 'in_flight') return { state };
  if (state !== 'acquired') throw new DedupeStoreAnswerError('begin', state);
  return new HeldClaim(id, token, settings);
}

/** Waits for the store no longer than it may take; not at all where it has answered. */
function answerTo<Answer>(
  call: string,
  answer: PromiseLike<Answer>,
  settings: ClaimSettings,
): PromiseLike<Answer>;
function answerTo<Answer>(
  call: string,
  answer: Awaitable<Answer>,
  settings: ClaimSettings,
): Awaitable<Answer>;
function answerTo<Answer>(
  call: string,
  answer: Awaitable<Answer>,
  { after, storeTimeoutMs: timeoutMs }: ClaimSettings,
): Awaitable<Answer> {
  if (!isPending(answer)) return answer;
  const tooLate = (): Error => new DedupeStoreTimeoutError(call, timeoutMs);
  return inTime(answer, { after, timeoutMs, tooLate });
}

async function giveBack(
  asked: PromiseLike<DedupeClaim>,
  release: () => Promise<unknown>,
  onLost: (error: unknown) => void,
): Promise<void> {
  try {
    if ((await asked) !== 'acquired') return;
  } catch {
    return;
  }
  try {
    await release();
  } catch (error) {
    onLost(error);
  }
}
