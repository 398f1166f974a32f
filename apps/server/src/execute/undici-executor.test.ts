import { executorSuite } from '@ezthrottle/testkit/executor-suite';
import { createAddressPolicy } from '../net/address-policy.ts';
import { createUndiciExecutor } from './undici-executor.ts';
import { systemClock } from '../clock.ts';

executorSuite('undici in this process', {
  create: ({ allowPrivate }) =>
    createUndiciExecutor({ clock: systemClock, policy: createAddressPolicy({ allowPrivate }) }),
});
