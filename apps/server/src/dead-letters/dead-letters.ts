import type { Clock, DeadLetterReads, Id, Store } from '@ezthrottle/engine';
import type { Admission } from '../admission/admission.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { Deliverer } from '../deliver/deliverer.ts';
import type { Endpoints } from '../deliver/endpoints.ts';
import type { JobGate } from '../dispatch/job-gate.ts';
import type { SecretVault } from '../secrets/secret-vault.ts';
import type { LimitRules } from '../limits/limit-rules.ts';
import type { AccountDeletions } from '../privacy/account-deletions.ts';
import type { Commit } from '../tenancy/committing.ts';
import { createDeliveryReplays, type DeliveryReplays } from './delivery-replays.ts';
import { createJobReplays, type JobReplays } from './job-replays.ts';
import { deliveryRedrives, jobRedrives } from './redrive-kinds.ts';
import { createRedrives, type Redrives } from './redrives.ts';

export interface DeadLettersOptions {
  readonly store: Pick<Store, 'deadLetters' | 'jobs' | 'redrives'>;
  readonly commit: Commit;
  readonly gate: Pick<JobGate, 'submit'>;
  readonly rules: Pick<LimitRules, 'namedBy' | 'accountLimit'>;
  readonly vault: Pick<SecretVault, 'find' | 'excess'>;
  readonly deletions: Pick<AccountDeletions, 'isDeleted' | 'unlessDeleted'>;
  readonly endpoints: Pick<Endpoints, 'isDisabled'>;
  readonly deliverer: Pick<Deliverer, 'wake'>;
  readonly admission: Pick<Admission, 'hasRoom'>;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly newId: () => Id;
  /** How long a dead job is sent again only once, from the end of its new try, in milliseconds. */
  readonly windowMs: number;
  /** Whether this node, of several, sends redrives. Absent: there is only this one. */
  readonly isOurs?: (() => boolean) | undefined;
  /** Told when a redrive was begun here that another node sends. */
  readonly onRedriveBegun?: (() => void) | undefined;
  readonly logger: { error(details: object, message: string): void };
}

/** What is dead, and the ways back. */
export interface DeadLetters {
  readonly deadLetters: DeadLetterReads;
  readonly jobReplays: JobReplays;
  readonly deliveryReplays: DeliveryReplays;
  readonly redrives: Redrives;
}

export function createDeadLetters(options: DeadLettersOptions): DeadLetters {
  const { store, endpoints, deliverer, admission, clock } = options;
  const { deadLetters, jobs } = store;
  const jobReplays = createJobReplays({ ...options, deadLetters, jobs });
  const redrives = createRedrives({
    ...options,
    reads: store.redrives,
    kinds: {
      jobs: jobRedrives(deadLetters, jobReplays),
      deliveries: deliveryRedrives(deadLetters, endpoints, clock),
    },
    hasRoom: (count) => admission.hasRoom(count),
    onReplayed: () => deliverer.wake(),
    onBegun: options.onRedriveBegun,
  });
  const deliveryReplays = createDeliveryReplays({ ...options, deadLetters, jobs });
  return { deadLetters, jobReplays, deliveryReplays, redrives };
}
