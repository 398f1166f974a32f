import { API_KEY, ORGANIZATION, newJob } from '@ezthrottle/testkit/store-data';
import { v7 as newId } from 'uuid';
import { createCommitter } from '../src/commit/committer.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';

// A process of its own for `store-crash.test.ts`: submits without end, and prints the id of each job
// as soon as it was acknowledged.

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: submit-until-killed.ts <file>');

const AT_ONCE = 40;

const store = await openSqliteStore({ file });
const committer = createCommitter({
  store,
  onFatal: (error) => {
    throw error;
  },
});

async function submitForever(): Promise<never> {
  for (;;) {
    const job = newJob({ id: newId() });
    const verdict = await committer.write({ type: 'submit', job });
    // Written at once: standard output is a pipe here, to which Node writes synchronously.
    if (verdict.verdict === 'ok') process.stdout.write(`${job.id}\n`);
  }
}

await committer.write({ type: 'put_organization', organization: ORGANIZATION });
await committer.write({ type: 'put_api_key', apiKey: API_KEY });
await Promise.all(Array.from({ length: AT_ONCE }, submitForever));
