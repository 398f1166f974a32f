import { describe } from 'vitest';
import { auditPromises } from './audit-promises.ts';
import { advancePromises } from './advance-promises.ts';
import { besidePromises } from './beside-promises.ts';
import { conflictPromises } from './conflict-promises.ts';
import { deadLetterPromises } from './dead-letter-promises.ts';
import { redrivePromises } from './redrive-promises.ts';
import { deliveryPromises } from './delivery-promises.ts';
import { durabilityPromises } from './durability-promises.ts';
import type { OpenStore } from './harness.ts';
import { limitPromises } from './limit-promises.ts';
import { listPromises } from './list-promises.ts';
import { modelPromises } from './model-promises.ts';
import { privacyPromises } from './privacy-promises.ts';
import { prunePromises } from './prune-promises.ts';
import { submitPromises } from './submit-promises.ts';
import { tenancyPromises } from './tenancy-promises.ts';
import { workPromises } from './work-promises.ts';

/**
 * Holds a store to every promise of the `Store` port. `open` gives a new, empty one for each test.
 *
 * @example
 * storeSuite('sqlite', () => openInTemporaryFolder());
 */
export function storeSuite(name: string, open: OpenStore): void {
  describe(`the ${name} store`, () => {
    submitPromises(open);
    conflictPromises(open);
    advancePromises(open);
    workPromises(open);
    listPromises(open);
    deliveryPromises(open);
    tenancyPromises(open);
    limitPromises(open);
    auditPromises(open);
    deadLetterPromises(open);
    redrivePromises(open);
    prunePromises(open);
    privacyPromises(open);
    durabilityPromises(open);
    besidePromises(open);
    modelPromises(open);
  });
}
