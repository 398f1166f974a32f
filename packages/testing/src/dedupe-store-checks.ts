import type { DedupeClaim, DedupeStore } from '@ezthrottle/core/webhooks';

/** A dedupe store that is to be checked, and its time. */
export interface DedupeStoreWorld {
  /**
   * The store, once more: over another connection when there are connections, and with the same ids in
   * it. May give the same object again.
   */
  open(): DedupeStore | Promise<DedupeStore>;
  /** Lets at least so many milliseconds pass by the clock of the store. */
  pass(ms: number): void | Promise<void>;
}

/** Fails by throwing an error that says what was promised and what happened. */
export type DedupeStoreCheck = (world: DedupeStoreWorld) => Promise<void>;

/** Nothing is expected to happen within so short a time. */
const SHORT_MS = 40;
/** No check takes as long. */
const LONG_MS = 120_000;
const TTL_MS = 300_000;

/**
 * What every dedupe store promises, by name. Each check uses ids that nobody has used before, so a
 * store need not be empty; several may run at once.
 *
 * @example
 * for (const [promise, check] of Object.entries(dedupeStoreChecks)) test(promise, () => check(world));
 */
export const dedupeStoreChecks: Readonly<Record<string, DedupeStoreCheck>> = {
  'gives each of 40 ids to exactly one of 25 who ask at once': async (world) => {
    const stores = await openTwo(world);
    await Promise.all(
      newIds(40).map(async (id) => {
        const claims = await claimAtOnce(stores, id, 25);
        expectSame(claims.filter((claim) => claim === 'acquired').length, 1, 'claims acquired');
        expectSame(claims.filter((claim) => claim === 'in_flight').length, 24, 'claims in flight');
      }),
    );
  },

  'gives an id whose lease has ended to exactly one of many who ask at once': async (world) => {
    const stores = await openTwo(world);
    const ids = newIds(20);
    await Promise.all(ids.map((id) => begin(stores[0], id, 'dead', SHORT_MS)));
    await world.pass(2 * SHORT_MS);
    await Promise.all(
      ids.map(async (id) => {
        const claims = await claimAtOnce(stores, id, 10);
        expectSame(claims.filter((claim) => claim === 'acquired').length, 1, 'claims acquired');
      }),
    );
  },

  'lets a late commit or the next holder have the id, never both': async (world) => {
    const [one, other] = await openTwo(world);
    const ids = newIds(20);
    await Promise.all(ids.map((id) => begin(one, id, 'late', SHORT_MS)));
    await world.pass(2 * SHORT_MS);
    await Promise.all(
      ids.map(async (id) => {
        const [isCommitted, claim] = await Promise.all([
          one.commit(id, 'late', TTL_MS),
          begin(other, id, 'next'),
        ]);
        expectSame(isCommitted && claim === 'acquired', false, 'both have it');
        expectSame(await other.commit(id, 'next', TTL_MS), claim === 'acquired', 'next commits');
      }),
    );
  },

  'says in_flight while it is held and done when it is committed': async (world) => {
    const [one, other] = await openTwo(world);
    const [id = ''] = newIds(1);
    expectSame(await begin(one, id, 'a'), 'acquired', 'the first claim');
    expectSame(await begin(other, id, 'b'), 'in_flight', 'a second claim');
    expectSame(await one.commit(id, 'a', TTL_MS), true, 'the commit');
    expectSame(await begin(other, id, 'b'), 'done', 'a claim after the commit');
    expectSame(await begin(one, id, 'c'), 'done', 'one more');
  },

  'forgets what is done when the time for it is over, and gives it to exactly one': async (
    world,
  ) => {
    const stores = await openTwo(world);
    const ids = newIds(20);
    await Promise.all(
      ids.map(async (id) => {
        await begin(stores[0], id, 'a');
        expectSame(await stores[0].commit(id, 'a', SHORT_MS), true, 'the commit');
      }),
    );
    await world.pass(2 * SHORT_MS);
    await Promise.all(
      ids.map(async (id) => {
        const claims = await claimAtOnce(stores, id, 10);
        expectSame(claims.filter((claim) => claim === 'acquired').length, 1, 'claims acquired');
        expectSame(claims.filter((claim) => claim === 'in_flight').length, 9, 'claims in flight');
      }),
    );
  },

  'remembers what is done for longer than the lease was': async (world) => {
    const [one, other] = await openTwo(world);
    const [id = ''] = newIds(1);
    // Until it holds: the lease may end before the commit when the machine is busy.
    while (!(await one.commit(id, 'a', TTL_MS))) await begin(one, id, 'a', SHORT_MS);
    await world.pass(2 * SHORT_MS);
    expectSame(await begin(other, id, 'b'), 'done', 'a claim after the lease');
  },

  'gives the id away at once after a release': async (world) => {
    const [one, other] = await openTwo(world);
    const [id = ''] = newIds(1);
    await begin(one, id, 'a');
    expectSame(await one.release(id, 'a'), true, 'the release');
    expectSame(await begin(other, id, 'b'), 'acquired', 'the next claim');
    expectSame(await one.release(id, 'a'), false, 'a second release');
    expectSame(await begin(one, id, 'c'), 'in_flight', 'one more claim');
  },

  'takes nothing more from a holder whose claim was taken over': async (world) => {
    const [one, other] = await openTwo(world);
    const [id = ''] = newIds(1);
    await begin(one, id, 'dead', SHORT_MS);
    await world.pass(2 * SHORT_MS);
    expectSame(await begin(other, id, 'next'), 'acquired', 'the claim after the lease');
    expectSame(await one.commit(id, 'dead', TTL_MS), false, 'the commit of the first');
    expectSame(await one.release(id, 'dead'), false, 'the release of the first');
    expectSame(await begin(one, id, 'third'), 'in_flight', 'a third claim');
    expectSame(await other.commit(id, 'next', TTL_MS), true, 'the commit of the second');
  },

  'takes no commit and no release from who never held the claim': async (world) => {
    const [one, other] = await openTwo(world);
    const [id = '', another = ''] = newIds(2);
    expectSame(await one.commit(id, 'nobody', TTL_MS), false, 'a commit before any claim');
    expectSame(await one.release(id, 'nobody'), false, 'a release before any claim');
    await begin(one, id, 'a');
    await begin(one, another, 'b');
    expectSame(await other.commit(id, 'b', TTL_MS), false, 'a commit by another id’s token');
    expectSame(await other.release(id, 'b'), false, 'a release by another id’s token');
    expectSame(await begin(other, id, 'c'), 'in_flight', 'a claim afterwards');
    expectSame(await one.commit(id, 'a', TTL_MS), true, 'the commit of the holder');
  },

  'keeps what is done when its holder lets go of it afterwards': async (world) => {
    const [one, other] = await openTwo(world);
    const [id = ''] = newIds(1);
    await begin(one, id, 'a');
    await one.commit(id, 'a', TTL_MS);
    expectSame(await one.release(id, 'a'), false, 'the release');
    expectSame(await begin(other, id, 'b'), 'done', 'a claim afterwards');
  },

  'keeps ids apart, however strange they are': async (world) => {
    const [one, other] = await openTwo(world);
    const [unique = ''] = newIds(1);
    const ids = strangeIds.map((strange) => unique + strange);
    for (const id of ids) expectSame(await begin(one, id, 'a'), 'acquired', nameOf(id));
    for (const id of ids) expectSame(await begin(other, id, 'b'), 'in_flight', nameOf(id));
    for (const id of ids) expectSame(await one.commit(id, 'a', TTL_MS), true, nameOf(id));
    for (const id of ids) expectSame(await begin(other, id, 'b'), 'done', nameOf(id));
  },

  'takes the empty id like any other': async (world) => {
    const [one] = await openTwo(world);
    const token = crypto.randomUUID();
    // It is the same for everybody who checks this store.
    while ((await begin(one, '', token)) !== 'acquired') await world.pass(SHORT_MS);
    expectSame(await begin(one, '', 'another'), 'in_flight', 'a second claim');
    expectSame(await one.release('', token), true, 'the release');
  },

  'takes times that are no whole numbers, and very long ones': async (world) => {
    const [one, other] = await openTwo(world);
    const [id = ''] = newIds(1);
    expectSame(await begin(one, id, 'a', LONG_MS + 0.5), 'acquired', 'the claim');
    expectSame(await begin(other, id, 'b', LONG_MS + 0.5), 'in_flight', 'a second claim');
    expectSame(await one.commit(id, 'a', Number.MAX_SAFE_INTEGER), true, 'the commit');
    expectSame(await begin(other, id, 'b'), 'done', 'a claim afterwards');
  },
};

/** Pairs that a database may take for one: by case, form, a lost character, half of one, or length. */
const strangeIds: readonly string[] = [
  ' ',
  '  ',
  'a',
  'A',
  'a ',
  'ä',
  'a\u0308',
  '💶',
  '\ud83d',
  '\ud83c',
  '\ufffd',
  '\u0000',
  'a\u0000',
  'a\u0000b',
  '\n',
  '\t',
  '%',
  '_',
  '*',
  '{a}b',
  '{a}c',
  ':',
  '/../',
  '?#',
  "'; DROP TABLE x; --",
  '"',
  '\\',
  '$1',
  'sha256:00',
  'x'.repeat(3_000),
  `${'x'.repeat(3_000)}y`,
  'é'.repeat(100_000),
];

async function openTwo(world: DedupeStoreWorld): Promise<readonly [DedupeStore, DedupeStore]> {
  return [await world.open(), await world.open()];
}

function begin(
  store: DedupeStore,
  id: string,
  token: string,
  leaseMs: number = LONG_MS,
): Promise<DedupeClaim> {
  return store.begin(id, { leaseMs, token });
}

/** In turn over the two. */
function claimAtOnce(
  [one, other]: readonly [DedupeStore, DedupeStore],
  id: string,
  count: number,
): Promise<DedupeClaim[]> {
  const claims = Array.from({ length: count }, (_, index) =>
    begin(index % 2 === 0 ? one : other, id, `token ${index}`),
  );
  return Promise.all(claims);
}

function newIds(count: number): string[] {
  return Array.from({ length: count }, () => `check:${crypto.randomUUID()}`);
}

function expectSame(actual: DedupeClaim | boolean | number, expected: unknown, what: string): void {
  if (actual === expected) return;
  throw new Error(`${what}: expected ${String(expected)}, got ${String(actual)}`);
}

function nameOf(id: string): string {
  return `the id ${JSON.stringify(id.slice(0, 80))} of ${id.length} characters`;
}
