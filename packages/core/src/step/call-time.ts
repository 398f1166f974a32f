import type { LocalPlan } from '../protocol/plan.ts';

/** What remains is for handing the step on, and for answering. */
const SHARE_FOR_CALLS = 0.6;

/**
 * The plan with its calls cut short, so that a call that hangs is a timeout, and the step handed on,
 * while there still is time to do so. The step's own call and its fallbacks may come one after the
 * other, so they share. Milliseconds; null: no limit.
 */
export function withinTime(plan: LocalPlan, remainingMs: number | null): LocalPlan {
  if (remainingMs === null) return plan;
  const ways = 1 + plan.fallbacks.filter(({ local }) => local).length;
  const mostMs = Math.max(1, Math.floor((remainingMs * SHARE_FOR_CALLS) / ways));
  const atMost = <Way extends { readonly timeout_ms: number }>(way: Way): Way => ({
    ...way,
    timeout_ms: Math.min(way.timeout_ms, mostMs),
  });
  return { ...atMost(plan), fallbacks: plan.fallbacks.map(atMost) };
}
