import { afterEach, describe, test } from 'vitest';
import { createBench } from './adapter-bench.ts';
import type { AdapterCaseTest } from './adapter-case.ts';
import type { AdapterSubject } from './adapter-subject.ts';
import { BODY_CASES } from './body-cases.ts';

const CASES: readonly AdapterCaseTest[] = [...BODY_CASES];

/** What every adapter promises, tried over real HTTP: registers the cases with vitest. */
export function describeAdapter(subject: AdapterSubject): void {
  describe(`${subject.name} as an adapter`, () => {
    const { bench, close } = createBench(subject);
    afterEach(close);

    for (const { name, promise, run, otherwise } of CASES) {
      const reason = subject.exceptions?.[name];
      if (reason === undefined) {
        test(`${name}: ${promise}`, () => run(bench));
      } else if (otherwise === undefined) {
        // Turns red as soon as the platform can: then the exception goes.
        test.fails(`${name}: not ${promise}: ${reason}`, () => run(bench));
      } else {
        test(`${name}: instead of ${promise}: ${reason}`, () => otherwise(bench));
      }
    }
  });
}
