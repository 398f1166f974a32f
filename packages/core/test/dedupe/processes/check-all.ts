import { dedupeStoreChecks, type DedupeStoreWorld } from '@ezthrottle/testing';

/** How each promise of a dedupe store held: null, or the error. */
export type Verdicts = Readonly<Record<string, string | null>>;

/** Tries one promise after the other, by the clock on the wall. */
export async function checkAll(open: DedupeStoreWorld['open']): Promise<Verdicts> {
  const verdicts: Record<string, string | null> = {};
  for (const [promise, check] of Object.entries(dedupeStoreChecks)) {
    verdicts[promise] = await failureOf(() => check({ open, pass }));
  }
  return verdicts;
}

async function failureOf(work: () => Promise<void>): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    return String(error);
  }
}

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
