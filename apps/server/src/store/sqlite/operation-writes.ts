import type { Operation, PlainOperation, Verdict } from '@ezthrottle/engine';
import { AdvanceWrites } from './advance-writes.ts';
import { AuditWrites } from './audit-writes.ts';
import { AttemptWrites } from './attempt-writes.ts';
import { DeliveryWrites } from './delivery-writes.ts';
import { EndpointWrites } from './endpoint-writes.ts';
import { IdempotencyWrites } from './idempotency-writes.ts';
import { JobWrites } from './job-writes.ts';
import { LimitWrites } from './limit-writes.ts';
import { PaceWrites } from './pace-writes.ts';
import { PrivacyWrites } from './privacy-writes.ts';
import { PruneWrites } from './prune-writes.ts';
import { SecretWrites } from './secret-writes.ts';
import { RedriveWrites } from './redrive-writes.ts';
import { ReplayWrites } from './replay-writes.ts';
import { SigningKeyWrites } from './signing-key-writes.ts';
import { TagWrites } from './tag-writes.ts';
import { TenancyWrites } from './tenancy-writes.ts';
import { WorkWrites } from './work-writes.ts';
import type { WriteScope } from './write-scope.ts';

/** Applies one operation inside the open transaction. */
export interface OperationWrites {
  /** @throws Rejection or a driver's error; what was written by then must be rolled back. */
  apply(operation: Operation): Verdict;
}

export function createOperationWrites(scope: WriteScope): OperationWrites {
  const work = new WorkWrites(scope);
  const attempts = new AttemptWrites(scope);
  const idempotency = new IdempotencyWrites(scope);
  const tags = new TagWrites(scope);
  const jobs = new JobWrites(scope, work, idempotency, tags);
  const advances = new AdvanceWrites(scope, jobs, work, attempts, tags);
  const endpoints = new EndpointWrites(scope);
  const deliveries = new DeliveryWrites(scope, endpoints);
  const signingKeys = new SigningKeyWrites(scope);
  const secrets = new SecretWrites(scope);
  const pruning = new PruneWrites(scope, tags, idempotency);
  const privacy = new PrivacyWrites(scope, pruning);
  const pace = new PaceWrites(scope);
  const limits = new LimitWrites(scope);
  const tenancy = new TenancyWrites(scope);
  const audit = new AuditWrites(scope);
  const replays = new ReplayWrites(scope);
  const redrives = new RedriveWrites(scope, replays);
  const plain = {
    apply(operation: PlainOperation): Verdict {
      switch (operation.type) {
        case 'submit':
          return jobs.submit(operation.job);
        case 'replace':
          return jobs.replace(operation.job, operation.ending.jobId, () =>
            advances.advance(operation.ending),
          );
        case 'advance':
          return advances.advance(operation);
        case 'stage':
          return { verdict: 'ok', count: work.stage(operation.rows) };
        case 'settle_delivery':
          return deliveries.settle(operation);
        case 'end_delivery':
          return endpoints.end(operation);
        case 'put_endpoint':
          return endpoints.put(operation);
        case 'put_signing_key':
        case 'delete_signing_keys':
          return signingKeys.apply(operation);
        case 'put_document':
        case 'erase_jobs':
        case 'remove_jobs':
        case 'forget_account':
          return privacy.apply(operation);
        case 'put_secret':
        case 'delete_secret':
        case 'reseal':
          return secrets.apply(operation);
        case 'prune':
          return { verdict: 'ok', count: pruning.prune(operation) };
        case 'put_pace':
          pace.put(operation);
          return { verdict: 'ok' };
        case 'put_limit':
        case 'delete_limit':
          return limits.apply(operation);
        case 'put_organization':
        case 'put_api_key':
        case 'touch_api_keys':
        case 'put_webhook_secrets':
        case 'delete_webhook_secrets':
        case 'rotate_webhook_secrets':
          return tenancy.apply(operation);
        case 'replay_delivery':
        case 'add_delivery':
          return replays.apply(operation);
        case 'put_redrive':
        case 'prune_redrives':
          return redrives.apply(operation);
        case 'put_audit':
          audit.put(operation.entry);
          return { verdict: 'ok' };
        case 'prune_audit':
          return { verdict: 'ok', count: audit.prune(operation) };
      }
    },
  };
  return {
    apply(operation: Operation): Verdict {
      if (operation.type !== 'audited') return plain.apply(operation);
      const verdict = plain.apply(operation.operation);
      if (verdict.verdict === 'ok') audit.put(operation.entry);
      return verdict;
    },
  };
}
