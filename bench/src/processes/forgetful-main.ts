// The server itself, with its store or with one that keeps nothing of a job: the difference is what
// storing costs.

import type { Operation, Store, Verdict } from '@ezthrottle/engine';
import { createApp } from '../../../apps/server/src/app.ts';
import { readConfig } from '../../../apps/server/src/config.ts';
import { openSqliteStore } from '../../../apps/server/src/store/sqlite/sqlite-store.ts';
import { inputOfChild, say } from './child.ts';

export interface ForgetfulOrder {
  /** As in a file of settings. */
  readonly config: object;
  readonly dataDir: string;
  readonly apiKey: string;
  readonly masterKey: string;
  readonly signingSecret: string;
  readonly keepsJobs: boolean;
}

const { config, dataDir, keepsJobs, ...keys } = inputOfChild<ForgetfulOrder>();

function isAboutJobs({ type }: Operation): boolean {
  return type === 'submit' || type === 'advance' || type === 'settle_delivery';
}

function forgetful(store: Store): Store {
  const ok: Verdict = { verdict: 'ok' };
  return {
    jobs: store.jobs,
    work: store.work,
    deliveries: store.deliveries,
    tenancy: store.tenancy,
    limits: store.limits,
    privacy: store.privacy,
    audit: store.audit,
    deadLetters: store.deadLetters,
    redrives: store.redrives,
    bytes: async () => 0,
    close: () => store.close(),
    async commit(batch) {
      const kept = batch.filter((operation) => !isAboutJobs(operation));
      const verdicts = kept.length === 0 ? [] : [...(await store.commit(kept))];
      return batch.map((operation) => (isAboutJobs(operation) ? ok : (verdicts.shift() ?? ok)));
    },
  };
}

const app = createApp({
  config: readConfig('start', {
    flags: {},
    environment: {},
    file: { path: 'the benchmark', content: config },
    readSecretFile: () => '',
  }),
  dataDir,
  keys,
  openStore: async (options) => {
    const store = await openSqliteStore(options);
    return keepsJobs ? store : forgetful(store);
  },
  onFatal: (error) => {
    throw error;
  },
});
const { url } = await app.start();
say({ url });
