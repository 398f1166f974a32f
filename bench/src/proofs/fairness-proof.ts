import { measureFairness } from '../../../apps/server/test/proofs/fairness.ts';
import { percentileOf, shown } from '../numbers.ts';
import { asked, type Finding, type Proof, type ProofSetting, reported } from './proof.ts';

const PER_SECOND = 20;
const CASES = [
  { name: '10 000 jobs of one key', noisyJobs: 10_000, noisyUsers: 0 },
  { name: '10 000 jobs, 100 users', noisyJobs: 10_000, noisyUsers: 100 },
  { name: '100 000 jobs, 100 000 users', noisyJobs: 100_000, noisyUsers: 100_000 },
];

export const fairnessProof: Proof = {
  key: 'fairness',
  title: `a quiet key beside a noisy one, at ${PER_SECOND}/s: waits in pacing intervals`,
  async run(setting) {
    const findings: Finding[] = [];
    for (const each of CASES) findings.push(...(await oneCase(setting, each)));
    return findings;
  },
};

async function oneCase(
  { program, folder, isQuick }: ProofSetting,
  { name, ...noise }: (typeof CASES)[number],
): Promise<readonly Finding[]> {
  const waits = await measureFairness({
    folder: folder('fairness'),
    program,
    ...noise,
    perSecond: PER_SECOND,
    quietJobs: isQuick ? 50 : 200,
    random: Math.random,
  });
  const intervals = waits.map(({ ms }) => (ms * PER_SECOND) / 1_000);
  const p99 = percentileOf(intervals, 0.99);
  const overtaken = percentileOf(
    waits.map(({ overtakenBy }) => overtakenBy),
    0.99,
  );
  return [
    reported(`${name}: quiet p50`, shown(percentileOf(intervals, 0.5))),
    asked(`${name}: quiet p99`, shown(p99), '≤ 2', p99 <= 2),
    reported(`${name}: calls of the other key in between, p99`, String(overtaken)),
  ];
}
