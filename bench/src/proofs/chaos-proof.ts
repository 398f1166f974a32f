import { runChaos } from '../../../apps/server/test/cluster/chaos.ts';
import { asked, type Proof, reported } from './proof.ts';

/** Calls a second to each of three targets, with one as burst. */
const RATE = 40;
/** Calls of a paused node that were on their way to its sockets: as many as may run at one target. */
const ON_THEIR_WAY = 16;

export const chaosProof: Proof = {
  key: 'chaos',
  title:
    'three nodes on one PostgreSQL, killed, paused, stopped, cut off and without their database',
  async run({ program, isQuick }) {
    const findings = [];
    for (const notifies of [true, false]) {
      const report = await runChaos({
        program,
        notifies,
        seed: 1,
        nodes: 3,
        forMs: isQuick ? 30_000 : 300_000,
        faultEveryMs: 5_000,
        pauseMs: isQuick ? 8_000 : 30_000,
        faults: ['kill', 'pause', 'restart_database', 'cut_connections', 'stop'],
        submitsPerSecond: 100,
        targetRate: RATE,
        say: (line) => console.error(line),
      });
      const { lost, sentTwice, unaccounted, mostInOneSecond: most } = report;
      const how = notifies ? 'with NOTIFY' : 'without';
      const faults = Object.entries(report.faults).map(([name, count]) => `${count} ${name}`);
      const bound = RATE + 1 + ON_THEIR_WAY;
      findings.push(
        reported(`${how}: faults`, faults.join(', ')),
        reported('accepted jobs, calls made again', `${report.accepted}, ${report.repeats}`),
        asked('accepted jobs lost', `${lost.length}`, '0', lost.length === 0),
        asked('attempts sent twice', `${sentTwice.length}`, '0', sentTwice.length === 0),
        asked('calls without an attempt', `${unaccounted.length}`, '0', unaccounted.length === 0),
        asked('most calls in one second', `${most}`, `at most ${bound}`, most <= bound),
      );
    }
    return findings;
  },
};
