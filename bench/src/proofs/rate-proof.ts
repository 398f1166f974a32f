import { busiestWindow, measureRates } from '../../../apps/server/test/proofs/rate.ts';
import { asked, percent, type Proof } from './proof.ts';

const PER_SECONDS = [10, 100, 1_000];

export const rateProof: Proof = {
  key: 'rate',
  title: 'a backlog and free concurrency: calls as they arrive at the target',
  async run({ program, folder, isQuick }) {
    const seconds = isQuick ? 12 : 30;
    const reports = await measureRates({
      folder: folder('rate'),
      program,
      perSeconds: PER_SECONDS,
      seconds,
    });
    return reports.flatMap(({ perSecond, submittedAt, arrivals }) => {
      // From the moment at which all jobs wait; before, the machine is busy with taking them.
      const seen = arrivals.filter((at) => at >= submittedAt && at < submittedAt + seconds * 1_000);
      const reached = seen.length / (perSecond * seconds);
      const windows = Array.from({ length: 11 }, (_, index) => 10_000 + index * 1_000);
      const over = Math.max(...windows.map((ms) => busiestWindow(arrivals, perSecond, ms))) - 1;
      return [
        asked(
          `${perSecond}/s: reached in ${seconds} s`,
          percent(reached),
          '≥ 98 %',
          reached >= 0.98,
        ),
        asked(
          `${perSecond}/s: over its rate in any window of 10 s or more`,
          percent(over),
          '≤ 1 %',
          over <= 0.01,
        ),
      ];
    });
  },
};
