import { LIMITS } from '@ezthrottle/core/protocol';
import type { DeliveryRecord } from '../ports/records.ts';

/**
 * Whether enough voting endpoints have taken the result. Never without a vote: a job without webhooks,
 * or with none that votes, has no quorum to reach. A webhook has one vote, however many of its deliveries were
 * accepted: one that is sent as new has a number of its own, which leaves the same remainder.
 */
export function isQuorumReached(
  deliveries: readonly Pick<DeliveryRecord, 'state' | 'hasQuorumVote' | 'webhook'>[],
  quorum: number,
): boolean {
  const votes = new Set<number>();
  for (const { state, hasQuorumVote, webhook } of deliveries) {
    if (hasQuorumVote && state === 'delivered') votes.add(webhook % LIMITS.webhooks);
  }
  return votes.size >= Math.max(1, quorum);
}
