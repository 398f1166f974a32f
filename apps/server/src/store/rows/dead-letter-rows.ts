import type { DeadDelivery, DeadJob, DeliveryAttemptRecord, Id } from '@ezthrottle/engine';
import { JOB_STATE_CODES } from './codes.ts';
import { deliveryRecord } from './records.ts';
import { flag, identifier, integer, optionalInteger, optionalText, type Row, text } from './row.ts';
import { restoredKey } from './stored-claim.ts';

export function deadJob(row: Row, organization: Id): DeadJob {
  return {
    id: identifier(row, 'public_id'),
    organization,
    apiKey: identifier(row, 'api_key_id'),
    userId: text(row, 'user_id'),
    idempotentKey: restoredKey(optionalText(row, 'idempotent_key'), row['fingerprint']),
    state: integer(row, 'state') === JOB_STATE_CODES.codeOf('failed') ? 'failed' : 'deadletter',
    url: text(row, 'url'),
    method: text(row, 'method'),
    tags: tagsOf(row),
    racing: flag(row, 'racing'),
    error: optionalText(row, 'error'),
    redriveOf: optionalText(row, 'redrive_of'),
    createdAt: integer(row, 'created_at'),
    endedAt: integer(row, 'ended_at'),
  };
}

function tagsOf(row: Row): readonly string[] {
  const tags: readonly string[] = JSON.parse(optionalText(row, 'tags') ?? '[]');
  return tags;
}

function deliveryAttempt(row: Row): DeliveryAttemptRecord {
  return {
    attempt: integer(row, 'attempt'),
    statusCode: optionalInteger(row, 'status_code'),
    error: optionalText(row, 'error'),
    startedAt: integer(row, 'started_at'),
    endedAt: integer(row, 'ended_at'),
  };
}

/** Of a delivery with `died_at`, and `user_id` and `tags` of its job. */
export function deadDelivery(row: Row): DeadDelivery {
  return {
    ...deliveryRecord(row),
    diedAt: integer(row, 'died_at'),
    userId: text(row, 'user_id'),
    tags: tagsOf(row),
  };
}

/** Attempts of a delivery: those that have rows of their own, and its latest, which is its own row. */
export function attemptsOfDelivery(
  delivery: Row,
  former: readonly Row[],
): readonly DeliveryAttemptRecord[] {
  const attempt = integer(delivery, 'attempts');
  const latest = attempt === 0 ? [] : [{ ...delivery, attempt }];
  return [...former, ...latest].map(deliveryAttempt);
}
