import {
  clientCourse,
  convergedAfter,
  type Course,
  serverCourse,
  useOf,
} from '../../../apps/server/test/proofs/convergence.ts';
import type { TargetPhase } from '../../../apps/server/test/proofs/target-process.ts';
import { asked, type Finding, percent, type Proof, type ProofSetting, reported } from './proof.ts';

const ANSWER_MS = 20;
/** After a change a strict target still counts the calls of the phase before. */
const STRICT_MS = 1_000;
/** Until the first answer of a target of which nothing is known: two calls a second are all it gets. */
const FIRST_HEARD_MS = 1_000;
const LAST_MS = 5_000;
const WORKERS = 64;

export const convergenceProof: Proof = {
  key: 'convergence',
  title: 'a target whose limit changes, counted strictly (so many in any second)',
  async run(setting) {
    return [...(await withHeaders(setting)), ...(await withoutHeaders(setting))];
  },
};

async function withHeaders({ program, folder }: ProofSetting): Promise<readonly Finding[]> {
  const phases = phasesOf([100, 20, 200, 50, 400, 10, 100], 10_000);
  const course = await serverCourse({
    folder: folder('headers'),
    program,
    phases,
    answerAfterMs: ANSWER_MS,
    announces: true,
    ceiling: null,
  });
  return phases.flatMap(({ perSecond, forMs }, index) => {
    const from = index * forMs;
    const before = phases[index - 1]?.perSecond;
    const heard = before === undefined ? FIRST_HEARD_MS : 2_000 / before + 2 * ANSWER_MS;
    const { refused } = useOf(course, from + heard, from + forMs, perSecond);
    const { used } = useOf(course, from + Math.max(heard, STRICT_MS), from + forMs, perSecond);
    const name = `X-EZThrottle-Rps, ${perSecond}/s for 10 s`;
    return [
      asked(`${name}: used`, percent(used), '≥ 95 %', used >= 0.95),
      asked(`${name}: 429`, percent(refused), '≤ 1 %', refused <= 0.01),
    ];
  });
}

async function withoutHeaders({
  program,
  folder,
  isQuick,
}: ProofSetting): Promise<readonly Finding[]> {
  const phases = phasesOf([100, 200, 400, 200, 100], isQuick ? 20_000 : 60_000);
  const silent = { phases, answerAfterMs: ANSWER_MS, announces: false };
  const server = { ...silent, program };
  // At the same time, each with a target of its own.
  const [ours, fixed, plain] = await Promise.all([
    serverCourse({ ...server, folder: folder('silent'), ceiling: 1_000 }),
    clientCourse({ ...silent, workers: WORKERS, perSecond: 200 }),
    clientCourse({ ...silent, workers: WORKERS, perSecond: null }),
  ]);
  return [
    ...silentFindings('EZThrottle', phases, ours, true),
    ...silentFindings('fixed limit of 200/s', phases, fixed, false),
    ...silentFindings('plain retrying client', phases, plain, false),
  ];
}

function silentFindings(
  name: string,
  phases: readonly TargetPhase[],
  course: Course,
  isOurs: boolean,
): Finding[] {
  return phases.flatMap((phase, index) => {
    const { perSecond, forMs } = phase;
    const from = index * forMs;
    const end = from + forMs;
    const { used, refused } = useOf(course, end - LAST_MS, end, perSecond);
    const after = convergedAfter(course, from, phase);
    const what = `${name}, ${perSecond}/s`;
    const rows = [
      `${what}: used at the end`,
      percent(used),
      `${what}: 429 at the end`,
      percent(refused),
    ] as const;
    return [
      reported(`${what}: converged after`, after === null ? 'never' : `${after / 1_000} s`),
      isOurs ? asked(rows[0], rows[1], '≥ 90 %', used >= 0.9) : reported(rows[0], rows[1]),
      isOurs ? asked(rows[2], rows[3], '≤ 2 %', refused <= 0.02) : reported(rows[2], rows[3]),
    ];
  });
}

function phasesOf(rates: readonly number[], forMs: number): readonly TargetPhase[] {
  return rates.map((perSecond) => ({ perSecond, forMs }));
}
