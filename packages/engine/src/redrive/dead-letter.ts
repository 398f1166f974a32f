import type { DeadJobReason, DeadLetterFilter } from '@ezthrottle/core/protocol';
import type { DeadDelivery, DeadJob } from '../ports/records.ts';

/** Who has to do something about a failed job, by the error that it ended with. */
export function deadJobReason(error: string | null): DeadJobReason {
  const text = error ?? '';
  if (/^status_\d/.test(text)) return 'target_refused';
  if (/^(?:timeout|network_error): /.test(text)) return 'target_unreachable';
  if (text.startsWith('refused: ')) return 'not_allowed';
  if (text === 'deadline_exceeded' || text === 'execution_deadline_exceeded') return 'gave_up';
  return 'engine_failure';
}

/** Whether all is true of a dead job that the filter says. Times are the store's matter. */
export function isWantedJob(filter: DeadLetterFilter, job: DeadJob): boolean {
  return (filter.reasons?.includes(deadJobReason(job.error)) ?? true) && isWanted(filter, job);
}

export function isWantedDelivery(filter: DeadLetterFilter, delivery: DeadDelivery): boolean {
  const { deadReason } = delivery;
  const isOfReason = deadReason !== null && filter.reasons?.includes(deadReason);
  return (isOfReason ?? true) && isWanted(filter, delivery);
}

/** Origin of an address; the address itself where it has none. */
export function destinationOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : url;
}

function isWanted(
  { destination, user_id: userId, tag }: DeadLetterFilter,
  dead: { readonly url: string; readonly userId: string; readonly tags: readonly string[] },
): boolean {
  return (
    (tag === undefined || dead.tags.includes(tag)) &&
    (userId === undefined || dead.userId === userId) &&
    (destination === undefined || destinationOf(dead.url) === destination)
  );
}
