import { type CrashPlaces, kindOf } from './crash-kinds.ts';
import { type Arrival, startTarget, type TargetAnswer } from './recording-target.ts';

/** The API that jobs call and the receivers of their results, which remember what came. */
export interface Outside {
  readonly places: CrashPlaces;
  readonly calls: Map<string, number[]>;
  readonly deliveries: Map<string, number[]>;
  /** Jobs of which the first receiver has heard. */
  readonly heardOf: Set<string>;
  nextLife(): void;
  close(): Promise<void>;
}

/** Starts both on free ports of loopback. */
export async function startOutside(random: () => number): Promise<Outside> {
  const calls = new Map<string, number[]>();
  const deliveries = new Map<string, number[]>();
  const heardOf = new Set<string>();
  let life = 0;
  const target = await startTarget(({ path, headers }: Arrival): TargetAnswer => {
    const attempt = Number(headers['x-ezthrottle-attempt']);
    append(calls, String(headers['x-ezthrottle-job-id']), attempt);
    const [, number] = /^\/job\/(\d+)$/.exec(path) ?? [];
    return number === undefined ? { status: 200 } : kindOf(Number(number)).answer(attempt, random);
  });
  const receiver = await startTarget(({ path, body }) => {
    const said: { delivery_id: string; job_id: string } = JSON.parse(body);
    const before = deliveries.get(said.delivery_id)?.length ?? 0;
    // One of three receivers is not there at first: it has to be tried again, and the others not to wait for it.
    if (path === '/c' && before === 0 && !heardOf.has(`${said.delivery_id} refused`)) {
      heardOf.add(`${said.delivery_id} refused`);
      return { status: 503 };
    }
    append(deliveries, said.delivery_id, life);
    heardOf.add(said.job_id);
    return { status: 200 };
  });
  const { origin } = receiver;
  return {
    places: { target: target.origin, hooks: [`${origin}/a`, `${origin}/b`, `${origin}/c`] },
    calls,
    deliveries,
    heardOf,
    nextLife: () => {
      life += 1;
    },
    async close() {
      await Promise.all([target[Symbol.asyncDispose](), receiver[Symbol.asyncDispose]()]);
    },
  };
}

function append(lists: Map<string, number[]>, key: string, value: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
