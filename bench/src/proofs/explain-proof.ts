import {
  foretoldJobs,
  type ForetoldJob,
  shareForetold,
} from '../../../apps/server/test/proofs/foretold-starts.ts';
import { asked, type Finding, percent, type Proof, reported } from './proof.ts';

/** Upper ends of the classes of errors, in percent of the wait. */
const CLASSES = [1, 2, 5, 10, 20, 50, 100, 200] as const;
const CONFIDENCES = ['high', 'medium', 'low'] as const;
const WIDEST_BAR = 40;

export const explainProof: Proof = {
  key: 'explain',
  title: 'starts as `explain` foretold them, over worlds with limits, costs, accounts and trouble',
  async run({ isQuick }) {
    const worlds = isQuick ? 12 : 100;
    const size = { worlds, jobs: 250, seed: 1_000 };
    const regular = await foretoldJobs(size);
    const uneven = await foretoldJobs({ ...size, spread: 0.1 });
    const wild = await foretoldJobs({ ...size, worlds: Math.ceil(worlds / 3), spread: 1 / 3 });
    const later = await foretoldJobs({ ...size, worlds: Math.ceil(worlds / 3), later: 0.3 });
    return [
      reported('jobs foretold', String(regular.length)),
      within('nothing else comes, calls take what they did', regular, true),
      ...CONFIDENCES.map((confidence) => ofConfidence(confidence, regular)),
      within('… calls take up to a tenth more or less', uneven, false),
      within('… calls take up to a third more or less', wild, false),
      within('3 calls come for 10 that go', later, false),
      ...histogram('nothing else comes', regular),
      ...histogram('later arrivals', later),
    ];
  },
};

function within(what: string, jobs: readonly ForetoldJob[], isAsked: boolean): Finding {
  const share = shareForetold(jobs);
  const name = `${what}: within 10 % or one interval`;
  return isAsked
    ? asked(name, percent(share), '≥ 95 %', share >= 0.95)
    : reported(name, percent(share));
}

function ofConfidence(confidence: string, jobs: readonly ForetoldJob[]): Finding {
  const said = jobs.filter((job) => job.confidence === confidence);
  const name = `… said with ${confidence} confidence (${said.length} jobs)`;
  const share = shareForetold(said);
  return confidence === 'high' && said.length > 0
    ? asked(name, percent(share), '≥ 95 %', share >= 0.95)
    : reported(name, said.length === 0 ? 'none' : percent(share));
}

/** Errors: below 0 the job started later than was foretold. */
function histogram(what: string, jobs: readonly ForetoldJob[]): readonly Finding[] {
  const errors = jobs.map(({ waited, error }) => (error * 100) / Math.max(1, waited));
  const ends = [...CLASSES.toReversed().map((end) => -end), ...CLASSES];
  const counts = [Number.NEGATIVE_INFINITY, ...ends].map((from, index) => {
    const to = ends[index] ?? Number.POSITIVE_INFINITY;
    return { from, to, count: errors.filter((error) => error >= from && error < to).length };
  });
  const most = Math.max(...counts.map(({ count }) => count));
  return counts.map(({ from, to, count }) => {
    const bar = '#'.repeat(Math.ceil((count * WIDEST_BAR) / most));
    const range = Number.isFinite(from)
      ? Number.isFinite(to)
        ? `${from} to ${to}`
        : `${from} or more`
      : `below ${to}`;
    return reported(`${what}, error ${range} % of the wait`, `${count} ${bar}`);
  });
}
