import { proveFuzz } from '../../../apps/server/test/proofs/fuzz.ts';
import { asked, type Proof, reported } from './proof.ts';

/** Of what a request leaves behind: its connection's buffers and what is known of jobs that wait. */
const MOST_BYTES_PER_REQUEST = 500;
const MOST_ROWS_PER_WRITE = 50;
const MOST_HANDLES = 64;

export const fuzzProof: Proof = {
  key: 'fuzz',
  title: 'strange requests to every route, right ones and spoiled ones',
  async run({ isQuick }) {
    const seed = Math.floor(Math.random() * 1e9);
    const requests = isQuick ? 10_000 : 100_000;
    const report = await proveFuzz({ requests, seed, connections: 8 });
    for (const problem of report.problems.slice(0, 20)) console.log(problem);
    const wrong = report.problems.length;
    const statuses = [...report.statuses]
      .toSorted(([one], [other]) => one - other)
      .map(([status, times]) => `${times} × ${status}`);
    const [early, late] = report.heapBytes;
    const perRequest = (late - early) / ((report.requests * 2) / 3);
    const perWrite = report.rows / Math.max(1, report.writes);
    const [before, after] = report.handles;
    return [
      reported('requests, seed', `${report.requests}, ${seed}`),
      reported('answers', statuses.join(', ')),
      reported(
        'routes, of them never done what they are for',
        `${report.routes}, ${report.neverDone.length}`,
      ),
      asked('5xx, no answer, answers that are not as documented', `${wrong}`, '0', wrong === 0),
      asked(
        'heap per request after the first third, bytes',
        perRequest.toFixed(0),
        `≤ ${MOST_BYTES_PER_REQUEST}`,
        perRequest <= MOST_BYTES_PER_REQUEST,
      ),
      asked(
        'rows per write',
        perWrite.toFixed(1),
        `≤ ${MOST_ROWS_PER_WRITE}`,
        perWrite <= MOST_ROWS_PER_WRITE,
      ),
      asked(
        'open handles before, after',
        `${before}, ${after}`,
        `≤ ${MOST_HANDLES} more`,
        after - before <= MOST_HANDLES,
      ),
    ];
  },
};
