import type { JobRequest, SubmitReply } from '@ezthrottle/core/protocol';
import { headersOf, type ServerPlace } from './server-process.ts';

export interface SubmitLoad {
  readonly clients: number;
  /** Each client stops after its answer then; or when nobody answers any more. */
  readonly isOver: (submitted: number) => boolean;
  readonly jobOf: (number: number) => JobRequest;
}

export interface SubmitResult {
  /** Ids of accepted jobs. */
  readonly accepted: readonly string[];
  /** How many answers had which status, and the codes of errors. */
  readonly answers: ReadonlyMap<string, number>;
  /** Requests to which no answer came. */
  readonly broken: number;
  readonly latenciesMs: readonly number[];
  readonly seconds: number;
}

/** Submits one job a request over so many connections, each when the one before was answered. */
export async function submitLoad(
  url: string,
  place: ServerPlace,
  { clients, isOver, jobOf }: SubmitLoad,
): Promise<SubmitResult> {
  const accepted: string[] = [];
  const answers = new Map<string, number>();
  const latenciesMs: number[] = [];
  let submitted = 0;
  let broken = 0;
  const client = async (): Promise<void> => {
    while (broken === 0 && !isOver(submitted)) {
      const body = JSON.stringify(jobOf(submitted));
      submitted += 1;
      const at = performance.now();
      const request = { method: 'POST', headers: headersOf(place), body };
      const text = await fetch(`${url}/api/v1/jobs`, request)
        .then(async (response) => ({ status: response.status, body: await response.text() }))
        .catch(() => null);
      if (text === null) {
        broken += 1;
        return;
      }
      latenciesMs.push(performance.now() - at);
      const reply: SubmitReply & { readonly error?: string } = JSON.parse(text.body);
      const word = reply.error === undefined ? `${text.status}` : `${text.status} ${reply.error}`;
      answers.set(word, (answers.get(word) ?? 0) + 1);
      if (text.status === 201) accepted.push(reply.job_id);
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: clients }, client));
  return {
    accepted,
    answers,
    broken,
    latenciesMs,
    seconds: (performance.now() - startedAt) / 1_000,
  };
}

/** Those of the jobs that the server does not know. */
export async function lostJobs(
  url: string,
  place: ServerPlace,
  ids: readonly string[],
): Promise<readonly string[]> {
  const lost: string[] = [];
  for (const id of ids) {
    const response = await fetch(`${url}/api/v1/jobs/${id}`, { headers: headersOf(place) });
    await response.text();
    if (response.status !== 200) lost.push(id);
  }
  return lost;
}
