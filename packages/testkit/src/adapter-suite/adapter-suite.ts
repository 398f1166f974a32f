import { afterEach, describe, test } from 'vitest';
import { createBench } from './adapter-bench.ts';
import type { AdapterCaseTest } from './adapter-case.ts';
import type { AdapterSubject } from './adapter-subject.ts';
import { BODY_CASES, UNREAD_CASES } from './body-cases.ts';
import { HANDLING_CASES } from './handling-cases.ts';
import { MOUNTING_CASES, parserCasesOf } from './mounting-cases.ts';
import { REFUSAL_CASES } from './refusal-cases.ts';

const CASES: readonly AdapterCaseTest[] = [
  ...BODY_CASES,
  ...UNREAD_CASES,
  ...REFUSAL_CASES,
  ...HANDLING_CASES,
  ...MOUNTING_CASES,
];

/** What every adapter promises, tried over real HTTP: registers the cases with vitest. */
export function describeAdapter(subject: AdapterSubject): void {
  describe(`${subject.name} as an adapter`, () => {
    const { bench, close } = createBench(subject);
    afterEach(close);

    for (const one of [...CASES, ...parserCasesOf(subject)]) {
      const { title, register, run } = asTried(one, subject.exceptions?.[one.name]);
      register(title, () => run(bench));
    }
  });
}

/** A case as it stands, or as the platform's exception has it. */
function asTried(
  { name, promise, run, otherwise }: AdapterCaseTest,
  reason: string | undefined,
): {
  readonly title: string;
  readonly register: Registering;
  readonly run: AdapterCaseTest['run'];
} {
  if (reason === undefined) return { title: `${name}: ${promise}`, register: test, run };
  const title = `${name}: an exception, since ${reason}`;
  // Without a behaviour of its own it has to fail: it turns red as soon as the platform can.
  return otherwise === undefined
    ? { title, register: test.fails, run }
    : { title, register: test, run: otherwise };
}

type Registering = (title: string, run: () => Promise<void>) => void;
