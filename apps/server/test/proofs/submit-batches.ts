import type { BatchReply, JobRequest } from '@ezthrottle/core/protocol';
import { headersOf, type ServerPlace } from './server-process.ts';

const BATCH = 500;

/**
 * Submits many jobs, in batches one after the other.
 *
 * @throws Error when one of them is not taken.
 */
export async function submitBatches(
  url: string,
  place: Pick<ServerPlace, 'apiKey'>,
  count: number,
  jobOf: (number: number) => JobRequest,
): Promise<void> {
  for (let first = 0; first < count; first += BATCH) {
    const length = Math.min(BATCH, count - first);
    const jobs = Array.from({ length }, (_, index) => jobOf(first + index));
    const response = await fetch(`${url}/api/v1/jobs/batch`, {
      method: 'POST',
      headers: headersOf(place),
      body: JSON.stringify({ jobs }),
    });
    const text = await response.text();
    const { results = [] }: Partial<BatchReply> = JSON.parse(text);
    const taken = results.filter(({ status_code }) => status_code === 201).length;
    if (taken !== length)
      throw new Error(`${taken} of ${length} jobs were taken: ${text.slice(0, 500)}`);
  }
}
