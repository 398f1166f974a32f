import { proveRedrive } from '../../../apps/server/test/proofs/redrive.ts';
import { asked, percent, type Proof, reported } from './proof.ts';

const POISON_EVERY = 20;
const PER_SECOND = 500;
const CONCURRENCY = 50;

export const redriveProof: Proof = {
  key: 'redrive',
  title: `dead jobs sent again, every ${POISON_EVERY}th of them poison, at a target of ${PER_SECOND}/s`,
  async run({ program, folder, isQuick }) {
    const jobs = isQuick ? 1_000 : 10_000;
    const report = await proveRedrive({
      folder: folder('redrive'),
      program,
      jobs,
      poisonEvery: POISON_EVERY,
      perSecond: PER_SECOND,
      concurrency: CONCURRENCY,
    });
    const { inCanary, inRest, completed } = report;
    const all = [inCanary, inRest, completed];
    const failed = all.reduce((sum, { counts }) => sum + counts.failed, 0);
    const over = report.busiestSecond - 1;
    const tried = ({ counts }: typeof inCanary): string => String(counts.succeeded + counts.failed);
    return [
      asked('2 % allowed, canary of 100', inCanary.state, 'stopped', inCanary.state === 'stopped'),
      reported('… sent by then', tried(inCanary)),
      asked('2 % allowed, no canary', inRest.state, 'stopped', inRest.state === 'stopped'),
      reported('… sent by then', tried(inRest)),
      asked('25 % allowed', completed.state, 'completed', completed.state === 'completed'),
      asked(
        'failed again',
        String(failed),
        String(jobs / POISON_EVERY),
        failed === jobs / POISON_EVERY,
      ),
      asked('over the rate in any second', percent(over), '≤ 5 %', over <= 0.05),
      asked(
        'calls at the same time',
        String(report.mostAtOnce),
        `≤ ${CONCURRENCY}`,
        report.mostAtOnce <= CONCURRENCY,
      ),
      asked(
        `whole histories of ${jobs}`,
        String(report.wholeHistories),
        'all',
        report.wholeHistories === jobs,
      ),
      asked('sent again once', String(report.calledTwice), 'all', report.calledTwice === jobs),
    ];
  },
};
