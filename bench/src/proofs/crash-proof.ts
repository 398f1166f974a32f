import { proveCrashes } from '../../../apps/server/test/proofs/crash.ts';
import { asked, type Proof, reported } from './proof.ts';

export const crashProof: Proof = {
  key: 'crash',
  title: 'killed at random moments under load',
  async run({ program, folder, isQuick }) {
    const report = await proveCrashes({
      folder: folder('crash'),
      program,
      kills: isQuick ? 20 : 200,
      longestLifeMs: 600,
      random: Math.random,
    });
    for (const contradiction of report.contradictions.slice(0, 20)) console.log(contradiction);
    const wrong = report.contradictions.length;
    return [
      reported('kills, of them while it was starting', `${report.kills}, ${report.killsAtStart}`),
      reported('accepted jobs, spawned ones', `${report.accepted}, ${report.spawned}`),
      reported('submits whose answer was lost, and repeated', `${report.unanswered}`),
      reported('calls at the target', `${report.calls}`),
      reported('attempts whose outcome was hidden', `${report.repeatedAttempts}`),
      reported('jobs given up after four of these', `${report.givenUp}`),
      reported('deliveries, repeated ones', `${report.deliveries}, ${report.repeatedDeliveries}`),
      asked('contradictions of record and sightings', `${wrong}`, '0', wrong === 0),
    ];
  },
};
