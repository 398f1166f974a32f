import type { Operation, PlainOperation, Verdict } from '@ezthrottle/engine';
import { advanceJobs } from './advance-writes.ts';
import { endDeliveries, settleDeliveries } from './delivery-writes.ts';
import { replaceJob } from './replace-writes.ts';
import { submitJobs } from './submit-writes.ts';
import { pruneAudit, putAuditEntry } from './audit-writes.ts';
import { putEndpoint } from './endpoint-writes.ts';
import { applyLimit } from './limit-writes.ts';
import { putPace } from './pace-writes.ts';
import { applyPrivacy } from './privacy-writes.ts';
import { pruneJobs } from './prune-writes.ts';
import { applyRedrive } from './redrive-writes.ts';
import { applyReplay } from './replay-writes.ts';
import { applySecret } from './secret-writes.ts';
import { applySigningKey } from './signing-key-writes.ts';
import { applyTenancy } from './tenancy-writes.ts';
import { together } from './together.ts';
import { type FrequentOperation, type Placed, wavesOf } from './waves.ts';
import { stageWork } from './work-writes.ts';
import type { WriteScope } from './write-scope.ts';

/**
 * Applies operations in the open transaction, in their order as far as anybody could tell.
 *
 * @throws Rejection or a driver's error when one cannot be written: all of them must be rolled back.
 * @throws OrderError when they have to be applied with `isInOrder`.
 */
export async function applyOperations(
  scope: WriteScope,
  operations: readonly Operation[],
  isInOrder: boolean,
): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const wave of wavesOf(operations, isInOrder)) {
    if (wave.kind === 'together') {
      await applyTogether(scope, wave.operations, verdicts);
    } else {
      const { index, operation } = wave.placed;
      verdicts[index] = await applyAlone(scope, operation);
    }
  }
  return verdicts;
}

/** Operations of one wave by their type. */
class Sorted {
  readonly #placed: readonly Placed<FrequentOperation>[];

  constructor(placed: readonly Placed<FrequentOperation>[]) {
    this.#placed = placed;
  }

  of<Type extends FrequentOperation['type']>(
    type: Type,
  ): {
    readonly operations: readonly Extract<FrequentOperation, { readonly type: Type }>[];
    readonly indexes: readonly number[];
  } {
    const operations: Extract<FrequentOperation, { readonly type: Type }>[] = [];
    const indexes: number[] = [];
    for (const { index, operation } of this.#placed) {
      if (isOfType(operation, type)) {
        operations.push(operation);
        indexes.push(index);
      }
    }
    return { operations, indexes };
  }
}

function isOfType<Type extends FrequentOperation['type']>(
  operation: FrequentOperation,
  type: Type,
): operation is Extract<FrequentOperation, { readonly type: Type }> {
  return operation.type === type;
}

/** Kinds that have nothing to do with each other go out together, without waiting in between. */
async function applyTogether(
  scope: WriteScope,
  wave: readonly Placed<FrequentOperation>[],
  verdicts: Verdict[],
): Promise<void> {
  const sorted = new Sorted(wave);
  const [submits, advances, stages, settles, ends] = [
    sorted.of('submit'),
    sorted.of('advance'),
    sorted.of('stage'),
    sorted.of('settle_delivery'),
    sorted.of('end_delivery'),
  ];
  const advanced = new Set(advances.operations.map(({ jobId }) => jobId));
  const written = await together([
    submits.operations.length === 0
      ? []
      : submitJobs(
          scope,
          submits.operations.map(({ job }) => job),
          advanced,
        ),
    advances.operations.length === 0 ? [] : advanceJobs(scope, advances.operations),
    stages.operations.length === 0 ? [] : stageWork(scope, stages.operations),
    settles.operations.length === 0 ? [] : settleDeliveries(scope, settles.operations),
    ends.operations.length === 0 ? [] : endDeliveries(scope, ends.operations),
  ]);
  for (const [kind, { indexes }] of [submits, advances, stages, settles, ends].entries()) {
    for (const [number, index] of indexes.entries()) {
      const verdict = written[kind]?.[number];
      if (verdict !== undefined) verdicts[index] = verdict;
    }
  }
}

/** An operation by itself; with its entry in the audit log, if it has one. */
async function applyAlone(scope: WriteScope, operation: Operation): Promise<Verdict> {
  if (operation.type !== 'audited') return applyPlain(scope, operation);
  const verdict = await applyPlain(scope, operation.operation);
  if (verdict.verdict === 'ok') await putAuditEntry(scope, operation.entry);
  return verdict;
}

async function applyPlain(scope: WriteScope, operation: PlainOperation): Promise<Verdict> {
  switch (operation.type) {
    case 'submit':
    case 'advance':
    case 'stage':
    case 'settle_delivery':
    case 'end_delivery': {
      const verdicts: Verdict[] = [];
      await applyTogether(scope, [{ index: 0, operation }], verdicts);
      return verdicts[0] ?? { verdict: 'gone' };
    }
    case 'replace':
      return replaceJob(scope, operation);
    case 'put_organization':
    case 'put_api_key':
    case 'touch_api_keys':
    case 'put_webhook_secrets':
    case 'delete_webhook_secrets':
    case 'rotate_webhook_secrets':
      return applyTenancy(scope, operation);
    case 'put_endpoint':
      return putEndpoint(scope, operation);
    case 'put_signing_key':
    case 'delete_signing_keys':
      return applySigningKey(scope, operation);
    case 'put_secret':
    case 'delete_secret':
    case 'reseal':
      return applySecret(scope, operation);
    case 'put_document':
    case 'erase_jobs':
    case 'remove_jobs':
    case 'forget_account':
      return applyPrivacy(scope, operation);
    case 'prune':
      return { verdict: 'ok', count: await pruneJobs(scope, operation) };
    case 'put_pace':
      await putPace(scope, operation);
      return { verdict: 'ok' };
    case 'put_limit':
    case 'delete_limit':
      return applyLimit(scope, operation);
    case 'replay_delivery':
    case 'add_delivery':
      return applyReplay(scope, operation);
    case 'put_redrive':
    case 'prune_redrives':
      return applyRedrive(scope, operation);
    case 'put_audit':
      await putAuditEntry(scope, operation.entry);
      return { verdict: 'ok' };
    case 'prune_audit':
      return { verdict: 'ok', count: await pruneAudit(scope, operation) };
  }
}
