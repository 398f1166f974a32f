import type { JobRequest, JobView } from '@ezthrottle/core/protocol';
import type { TargetAnswer } from './recording-target.ts';

/** What the kinds of jobs need to know about where they go. */
export interface CrashPlaces {
  /** Origin of the API that jobs call. */
  readonly target: string;
  /** Addresses of receivers. */
  readonly hooks: readonly [string, string, string];
}

/** One kind of job: what is submitted, what the target says to it, and what its record has to show. */
export interface CrashKind {
  readonly name: string;
  readonly fields: (places: CrashPlaces, random: () => number) => Partial<JobRequest>;
  /** Of the call with this attempt number; the fallback of a kind has a path of its own. */
  readonly answer: (attempt: number, random: () => number) => TargetAnswer;
  readonly state: JobView['state'];
  /** The statuses that the record shows; attempts whose outcome a crash hid stand between them. */
  readonly statuses: (first: 'answered' | 'hidden') => readonly number[];
  /** The edges of the jobs that it leads to. */
  readonly children: readonly string[];
}

const OK = { status: 200 };
const one = ({ hooks }: CrashPlaces): Partial<JobRequest> => ({ webhooks: [{ url: hooks[0] }] });

const CRASH_KINDS: readonly CrashKind[] = [
  {
    name: 'plain',
    fields: one,
    answer: (_, random) => ({ status: 200, afterMs: Math.floor(random() * 30) }),
    state: 'completed',
    statuses: () => [200],
    children: [],
  },
  {
    name: 'delayed',
    fields: (places, random) => ({
      ...one(places),
      retry_at: Date.now() + Math.floor(random() * 1_500),
    }),
    answer: () => OK,
    state: 'completed',
    statuses: () => [200],
    children: [],
  },
  {
    name: 'retried',
    fields: one,
    answer: (attempt) => (attempt === 1 ? { status: 503 } : OK),
    state: 'completed',
    statuses: (first) => (first === 'answered' ? [503, 200] : [200]),
    children: [],
  },
  {
    name: 'failing',
    fields: (places) => ({
      ...one(places),
      on_failure: { url: `${places.target}/child`, ...one(places) },
    }),
    answer: () => ({ status: 400 }),
    state: 'failed',
    statuses: () => [400],
    children: ['on_failure'],
  },
  {
    name: 'followed',
    fields: (places) => ({
      ...one(places),
      on_success: { url: `${places.target}/child`, ...one(places) },
    }),
    answer: () => OK,
    state: 'completed',
    statuses: () => [200],
    children: ['on_success'],
  },
  {
    name: 'voted',
    fields: ({ hooks }) => ({ webhooks: hooks.map((url) => ({ url })), webhook_quorum: 2 }),
    answer: () => OK,
    state: 'completed',
    statuses: () => [200],
    children: [],
  },
  {
    name: 'slow',
    fields: one,
    answer: (_, random) => ({ status: 200, afterMs: 100 + Math.floor(random() * 100) }),
    state: 'completed',
    statuses: () => [200],
    children: [],
  },
  {
    name: 'fallback',
    fields: (places) => ({ ...one(places), fallback_job: { url: `${places.target}/fallback` } }),
    answer: () => ({ status: 404 }),
    state: 'completed',
    statuses: () => [404, 200],
    children: [],
  },
];

export function kindOf(number: number): CrashKind {
  const kind = CRASH_KINDS[number % CRASH_KINDS.length];
  if (kind === undefined) throw new Error(`there is no kind of job ${number}`);
  return kind;
}
