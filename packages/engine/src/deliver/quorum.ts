import type { DeliveryRecord } from '../ports/records.ts';

/**
 * Whether enough voting endpoints have taken the result. Never without a vote: a job without webhooks,
 * or with none that votes, has no quorum to reach.
 */
export function isQuorumReached(
  deliveries: readonly Pick<DeliveryRecord, 'state' | 'hasQuorumVote'>[],
  quorum: number,
): boolean {
  const votes = deliveries.filter(
    ({ state, hasQuorumVote }) => hasQuorumVote && state === 'delivered',
  );
  return votes.length >= Math.max(1, quorum);
}
