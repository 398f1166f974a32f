import { DEFAULTS, LIMITS } from '@ezthrottle/core/protocol';
import { duration, integer } from '../setting.ts';
import type { SettingsOf } from '../settings-of.ts';
import { DAY_MS, YEAR_MS } from '../time-spans.ts';

const MAX_BYTES = 1_073_741_824;

/** How much is kept, and for how long. */
export const RETENTION_SETTINGS: SettingsOf<
  'maxBodyBytes' | 'maxResponseBytes' | 'retentionMs' | 'auditRetentionMs' | 'idempotencyWindowMs'
> = {
  maxBodyBytes: integer(
    {
      flag: 'max-body-bytes',
      description: 'Longest request body that is accepted',
      dev: LIMITS.requestBytes,
      start: LIMITS.requestBytes,
    },
    { min: 1_024, max: MAX_BYTES },
  ),
  maxResponseBytes: integer(
    {
      flag: 'max-response-bytes',
      description: "Bytes of a target's answer that are kept; the rest is cut",
      dev: LIMITS.responseBytes,
      start: LIMITS.responseBytes,
    },
    { min: 0, max: MAX_BYTES },
  ),
  retentionMs: duration(
    {
      flag: 'retention',
      description: 'How long ended jobs are kept',
      dev: 7 * DAY_MS,
      start: 7 * DAY_MS,
    },
    { min: 1_000, max: 10 * YEAR_MS },
  ),
  auditRetentionMs: duration(
    {
      flag: 'audit-retention',
      description: 'How long the audit log keeps what operators have done',
      dev: 366 * DAY_MS,
      start: 366 * DAY_MS,
    },
    { min: 1_000, max: 10 * YEAR_MS },
  ),
  idempotencyWindowMs: duration(
    {
      flag: 'idempotency-window',
      description: 'How long a key stays taken after its job has ended',
      dev: DEFAULTS.idempotencyWindowMs,
      start: DEFAULTS.idempotencyWindowMs,
    },
    { min: 0, max: YEAR_MS },
  ),
};
