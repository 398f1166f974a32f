import { calling } from './suite/calling.ts';
import { continuing } from './suite/continuing.ts';
import { frugal } from './suite/frugal.ts';
import { receiving } from './suite/receiving.ts';
import { signatures } from './suite/signatures.ts';
import { streaming } from './suite/streaming.ts';
import { steps } from './suite/steps.ts';
import { submitting } from './suite/submitting.ts';
import type { Suite, World } from './suite/world.ts';

export { answerHook } from './suite/edge.ts';
export type { World } from './suite/world.ts';

/** What the SDK promises on every runtime: functions that know of no test framework. */
export const suite: Suite = {
  ...steps,
  ...signatures,
  ...receiving,
  ...continuing,
  ...calling,
  ...submitting,
  ...streaming,
  ...frugal,
};

/** How one promise held; `error` is null when it did. */
export interface Verdict {
  readonly promise: string;
  readonly error: string | null;
}

const PROMISE_MS = 10_000;

/** One after the other, each in bounded time. */
export async function runSuite(world: World): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const [promise, check] of Object.entries(suite)) {
    verdicts.push({ promise, error: await failureOf(() => check(world)) });
  }
  return verdicts;
}

async function failureOf(check: () => void | Promise<void>): Promise<string | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took over ${PROMISE_MS} ms`)), PROMISE_MS);
  });
  try {
    await Promise.race([(async () => check())(), tooLate]);
    return null;
  } catch (error) {
    return error instanceof Error ? `${error.message}\n${error.stack ?? ''}` : String(error);
  } finally {
    clearTimeout(timer);
  }
}
