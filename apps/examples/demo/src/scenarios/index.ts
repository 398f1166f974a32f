import { basicDelivery } from './basic-delivery.ts';
import { continuation, continuationAfterRestart } from './continuation.ts';
import { crash } from './crash.ts';
import { fallbackChain } from './fallback-chain.ts';
import { frugal } from './frugal.ts';
import { idempotency } from './idempotency.ts';
import { pacing } from './pacing.ts';
import { quorum } from './quorum.ts';
import { regionRace } from './region-race.ts';
import type { Scenario } from './scenario.ts';
import { whatFollows } from './what-follows.ts';

/** In the order in which they are run; the crash is last, for it takes the server down. */
export const scenarios: readonly Scenario[] = [
  basicDelivery,
  regionRace,
  fallbackChain,
  whatFollows,
  idempotency,
  frugal,
  continuation,
  continuationAfterRestart,
  pacing,
  quorum,
  crash,
];
