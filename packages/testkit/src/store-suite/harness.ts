import type { NewJob, Operation, Store, Verdict } from '@ezthrottle/engine';
import { API_KEY, ORGANIZATION, OTHER_API_KEY, OTHER_ORGANIZATION } from './builders.ts';

/** One empty store, and how to come back to it. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Closes the store and opens what it has left. */
  reopen(): Promise<Store>;
  /** Closes what is open and removes its files. */
  close(): Promise<void>;
}

export type OpenStore = () => Promise<StoreUnderTest>;

export interface Scene {
  readonly store: Store;
  readonly reopen: () => Promise<Store>;
}

/** Runs a story on an empty store that knows two organizations with a key each. */
export function onStore(open: OpenStore, story: (scene: Scene) => Promise<void>) {
  return async (): Promise<void> => {
    const subject = await open();
    try {
      await subject.store.commit([
        { type: 'put_organization', organization: ORGANIZATION },
        { type: 'put_api_key', apiKey: API_KEY },
        { type: 'put_organization', organization: OTHER_ORGANIZATION },
        { type: 'put_api_key', apiKey: OTHER_API_KEY },
      ]);
      await story({ store: subject.store, reopen: () => subject.reopen() });
    } finally {
      await subject.close();
    }
  };
}

export function submitOf(job: NewJob): Operation {
  return { type: 'submit', job };
}

/** Commits one operation and gives its verdict. */
export async function commitOne(store: Store, operation: Operation): Promise<Verdict> {
  const [verdict] = await store.commit([operation]);
  if (verdict === undefined) throw new Error('the store gave no verdict');
  return verdict;
}

/** Submits jobs that must all be taken. */
export async function given(store: Store, ...jobs: readonly NewJob[]): Promise<void> {
  const verdicts = await store.commit(jobs.map(submitOf));
  for (const verdict of verdicts) {
    if (verdict.verdict !== 'ok') throw new Error(`not taken: ${JSON.stringify(verdict)}`);
  }
}
