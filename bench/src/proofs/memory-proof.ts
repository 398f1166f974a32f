import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  headersOf,
  type ServerPlace,
  serverPlace,
  type ServerProcess,
  spawnServer,
} from '../../../apps/server/test/proofs/server-process.ts';
import { cpuTimeMs } from '../cpu-time.ts';
import { medianOf, shown } from '../numbers.ts';
import { Child } from '../processes/child.ts';
import type { LoadOrder, LoadReport, OutsideReport, Place } from '../work.ts';
import { asked, type Finding, percent, type Proof, type ProofSetting, reported } from './proof.ts';

const LOAD = new URL('../processes/load-main.ts', import.meta.url);
const OUTSIDE = new URL('../processes/outside-main.ts', import.meta.url);
const SECRET = 'whsec_YmVuY2htYXJrcyBzaWduIHdpdGggdGhpcyBzZWNyZXQ=';
const TIMEOUT_MS = 900_000;
const ROUNDS = 3;
const BODY_BYTES = 500;
const SAMPLE_MS = 100;

export const memoryProof: Proof = {
  key: 'memory',
  title: `queued jobs with bodies of ${BODY_BYTES} bytes, all for one destination at 2/s`,
  run: proveMemory,
};

async function proveMemory({
  program,
  folder,
  isQuick,
}: ProofSetting): Promise<readonly Finding[]> {
  const jobs = isQuick ? 100_000 : 1_000_000;
  await using slow = await Outside.start();
  await using quick = await Outside.start();
  const rule = { requestsPerSecond: 1_000_000, burst: 1_000, concurrency: 64 };
  const place = serverPlace({
    folder: folder('memory'),
    program,
    settings: {
      signingSecret: SECRET,
      rates: { [quick.place.target]: rule },
      maxBacklog: 0,
      maxBodyBytes: 8 * 1_048_576,
    },
  });
  const bench = new Bench(place, slow, quick);
  await using stack = new AsyncDisposableStack();
  let server = await spawnServer(place).ready();
  stack.defer(() => server.kill());
  bench.server = server;

  await bench.round('warm-up');
  const empty = await bench.rounds('empty');
  const before = bench.state();
  const stop = bench.watch();
  const filling = await bench.submit('queued', jobs, 1_000);
  const queued = bench.state();
  // The gigabyte that was just written is still on its way to the disk, and flushes wait behind it.
  spawnSync('sync');
  const full = await bench.rounds('full');
  stop();
  await server.kill();
  const startedAt = performance.now();
  server = await spawnServer(place).ready();
  bench.server = server;
  const restartMs = performance.now() - startedAt;
  await bench.round('started again');
  const again = bench.state();

  const most = bench.mostResident / 1e6;
  const perJob = (one: number, other: number): string => shown((other - one) / jobs);
  return [
    reported(
      'queued jobs, submitted in batches of 1 000, a second',
      `${shown(jobs)}, ${shown(filling)}`,
    ),
    asked('resident memory at most, MB', shown(most), '< 350', most < 350),
    reported(
      'resident memory before and after, MB',
      `${shown(before.resident / 1e6)}, ${shown(queued.resident / 1e6)}`,
    ),
    reported('memory per queued job, bytes', perJob(before.resident, queued.resident)),
    reported('disk per queued job, bytes', perJob(before.disk, queued.disk)),
    ...compared('submits', empty.submits, full.submits),
    ...compared('lifecycles', empty.lifecycles, full.lifecycles),
    reported('kill -9, then ready after, ms', shown(restartMs)),
    reported('resident memory of the new process, MB', shown(again.resident / 1e6)),
  ];
}

interface Measured {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

function compared(name: string, empty: readonly Measured[], full: readonly Measured[]): Finding[] {
  const median = (all: readonly Measured[], figure: keyof Measured): number =>
    medianOf(all.map((each) => each[figure]));
  const share = median(full, 'perSecond') / median(empty, 'perSecond');
  const cpu = median(full, 'cpuMicros') / median(empty, 'cpuMicros');
  const rates = `${shown(median(empty, 'perSecond'))}, ${shown(median(full, 'perSecond'))}`;
  const costs = `${shown(median(empty, 'cpuMicros'))}, ${shown(median(full, 'cpuMicros'))}`;
  return [
    reported(`${name} a second, empty and full`, rates),
    asked(`${name} a second, full as empty`, percent(share), '≥ 80 %', share >= 0.8),
    reported(`${name}: server CPU µs each, empty and full`, `${costs} (${percent(cpu)})`),
  ];
}

/** Targets and receivers, in a process of their own. */
class Outside implements AsyncDisposable {
  readonly child: Child<OutsideReport>;
  readonly place: Place;

  private constructor(child: Child<OutsideReport>, place: Place) {
    this.child = child;
    this.place = place;
  }

  static async start(): Promise<Outside> {
    const child = Child.start<OutsideReport>(OUTSIDE, { secret: SECRET });
    const listening = await child.next(TIMEOUT_MS);
    if (listening.type !== 'listening') throw new Error('the target did not start');
    return new Outside(child, listening);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.child[Symbol.asyncDispose]();
  }
}

class Bench {
  server: ServerProcess | null = null;
  mostResident = 0;
  readonly #place: ServerPlace;
  readonly #slow: Outside;
  readonly #quick: Outside;

  constructor(place: ServerPlace, slow: Outside, quick: Outside) {
    this.#place = place;
    this.#slow = slow;
    this.#quick = quick;
  }

  async rounds(
    name: string,
  ): Promise<{ submits: readonly Measured[]; lifecycles: readonly Measured[] }> {
    const submits: Measured[] = [];
    const lifecycles: Measured[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const measured = await this.round(`${name}-${round}`);
      submits.push(measured.submits);
      lifecycles.push(measured.lifecycles);
    }
    return { submits, lifecycles };
  }

  /** Submits that wait in the long line, and jobs that run at once beside it. */
  async round(name: string): Promise<{ submits: Measured; lifecycles: Measured }> {
    const count = 5_000;
    const submits = await this.#measured(count, () => this.submit(`${name}-waiting`, count, 1));
    const lifecycles = await this.#measured(count, async () => {
      this.#quick.child.tell({ jobs: count });
      await using load = Child.start<LoadReport>(
        LOAD,
        this.#order(`${name}-run`, count, 1, this.#quick),
      );
      const { startedAt } = await load.next(TIMEOUT_MS);
      const reached = await this.#quick.child.next(TIMEOUT_MS);
      if (reached.type !== 'reached') throw new Error('the receiver lost count');
      return (count * 1_000) / (reached.at - startedAt);
    });
    return { submits, lifecycles };
  }

  /** @returns accepted jobs a second. */
  async submit(name: string, jobs: number, jobsPerRequest: number): Promise<number> {
    await using load = Child.start<LoadReport>(
      LOAD,
      this.#order(name, jobs, jobsPerRequest, this.#slow),
    );
    const { startedAt, endedAt } = await load.next(TIMEOUT_MS);
    return (jobs * 1_000) / (endedAt - startedAt);
  }

  state(): { readonly resident: number; readonly disk: number } {
    const { folder } = this.#place;
    const disk = readdirSync(folder)
      .filter((name) => name.endsWith('.db'))
      .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    return { resident: this.#resident(), disk };
  }

  /** Samples the memory until it is told to stop. */
  watch(): () => void {
    const timer = setInterval(() => {
      this.mostResident = Math.max(this.mostResident, this.#resident());
    }, SAMPLE_MS);
    return () => clearInterval(timer);
  }

  async #measured(count: number, work: () => Promise<number>): Promise<Measured> {
    const before = cpuTimeMs([this.#processId()]) ?? Number.NaN;
    const perSecond = await work();
    const after = cpuTimeMs([this.#processId()]) ?? Number.NaN;
    return { perSecond, cpuMicros: ((after - before) * 1_000) / count };
  }

  #order(batch: string, jobs: number, jobsPerRequest: number, outside: Outside): LoadOrder {
    const url = this.server?.url ?? '';
    return {
      url: `${url}/api/v1/jobs${jobsPerRequest === 1 ? '' : '/batch'}`,
      headers: headersOf(this.#place),
      place: outside.place,
      batch,
      connections: jobsPerRequest === 1 ? 64 : 2,
      jobs,
      jobsPerRequest,
      ratePerSecond: null,
      bodyBytes: BODY_BYTES,
    };
  }

  #processId(): number {
    if (this.server === null) throw new Error('no server runs');
    return this.server.processId;
  }

  #resident(): number {
    const status = readFileSync(`/proc/${this.#processId()}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
  }
}
