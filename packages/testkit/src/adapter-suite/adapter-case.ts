import type { AdapterBench } from './adapter-bench.ts';
import type { AdapterCase } from './adapter-subject.ts';

/** One thing that every adapter promises. */
export interface AdapterCaseTest {
  readonly name: AdapterCase;
  /** In the user's words: the name of the test. */
  readonly promise: string;
  readonly run: (bench: AdapterBench) => Promise<void>;
  /** What a platform does that cannot keep the promise. */
  readonly otherwise?: (bench: AdapterBench) => Promise<void>;
}
