import type { Operation } from '@ezthrottle/engine';

/** Writes that change what every node keeps in memory. */
const KEPT: ReadonlySet<Operation['type']> = new Set<Operation['type']>([
  'put_limit',
  'delete_limit',
  'put_secret',
  'delete_secret',
  'put_document',
  'put_webhook_secrets',
  'delete_webhook_secrets',
  'rotate_webhook_secrets',
  'put_signing_key',
  'delete_signing_keys',
  'put_api_key',
  'put_endpoint',
]);

/** Whether some other node would go on by what was true before. */
export function changesWhatAllKeep(batch: readonly Operation[]): boolean {
  return batch.some((one) => KEPT.has(one.type === 'audited' ? one.operation.type : one.type));
}
