import type {
  ArmedAttempt,
  AttemptRecord,
  DeliveryRecord,
  EndpointRecord,
  HeldKey,
  Id,
  IdempotencyClaim,
  JobEnd,
  JobRecord,
  JobSpec,
  JobSummary,
  LiveJob,
  ResultResponse,
  StoredResponse,
} from '@ezthrottle/engine';
import {
  DEAD_REASON_CODES,
  DELIVERY_STATE_CODES,
  DISABLED_BY_CODES,
  JOB_STATE_CODES,
  OUTCOME_CODES,
} from './codes.ts';
import {
  coded,
  flag,
  identifier,
  integer,
  optionalInteger,
  optionalText,
  type Row,
  text,
} from './row.ts';
import { restoredFingerprint, restoredKey } from './stored-claim.ts';
import { restoredRun } from './stored-run.ts';
import { restoredSpec } from './stored-spec.ts';

export function jobRecord(row: Row, organization: Id, quorumReachedAt: number | null): JobRecord {
  const endJson = optionalText(row, 'end_json');
  const end: JobEnd | null = endJson === null ? null : JSON.parse(endJson);
  return {
    id: identifier(row, 'public_id'),
    organization,
    idempotentKey: keyOf(row),
    spec: specOf(row),
    state: coded(row, 'state', JOB_STATE_CODES),
    createdAt: integer(row, 'created_at'),
    startedAt: optionalInteger(row, 'started_at'),
    end,
    parent: parentOf(row),
    quorumReachedAt,
    keyWindowMs: integer(row, 'window_ms'),
  };
}

export function liveJob(row: Row): LiveJob {
  const createdAt = integer(row, 'created_at');
  return {
    id: identifier(row, 'public_id'),
    organization: identifier(row, 'organization_id'),
    apiKey: identifier(row, 'api_key_id'),
    spec: specOf(row),
    run: restoredRun(text(row, 'data'), createdAt),
    version: integer(row, 'version'),
    wakeAt: optionalInteger(row, 'wake_at'),
    idempotentKey: keyOf(row),
    parent: parentOf(row),
    createdAt,
  };
}

/** What a submit with this claim is told of the job that holds its key. */
export function heldKey(row: Row, claim: IdempotencyClaim): HeldKey {
  return {
    verdict: 'duplicate',
    jobId: identifier(row, 'public_id'),
    state: coded(row, 'state', JOB_STATE_CODES),
    createdAt: integer(row, 'created_at'),
    mismatch: restoredFingerprint(row['fingerprint']) !== claim.fingerprint,
    expiresAt: optionalInteger(row, 'expires_at'),
    windowMs: integer(row, 'window_ms'),
    attempts: optionalInteger(row, 'attempts') ?? 0,
    racing: flag(row, 'racing'),
  };
}

export function jobSummary(row: Row): JobSummary {
  const tags: readonly string[] = JSON.parse(optionalText(row, 'tags') ?? '[]');
  return {
    id: identifier(row, 'public_id'),
    idempotentKey: keyOf(row),
    url: text(row, 'url'),
    method: text(row, 'method'),
    tags,
    state: coded(row, 'state', JOB_STATE_CODES),
    racing: flag(row, 'racing'),
    createdAt: integer(row, 'created_at'),
    endedAt: optionalInteger(row, 'ended_at'),
  };
}

export function attemptRecord(row: Row): AttemptRecord {
  const retryAt = optionalInteger(row, 'retry_at');
  return {
    attempt: integer(row, 'attempt'),
    leg: integer(row, 'leg'),
    path: integer(row, 'path'),
    region: text(row, 'region'),
    url: text(row, 'url'),
    outcome: coded(row, 'outcome', OUTCOME_CODES),
    statusCode: optionalInteger(row, 'status_code'),
    error: optionalText(row, 'error'),
    armedAt: integer(row, 'armed_at'),
    startedAt: optionalInteger(row, 'started_at'),
    endedAt: optionalInteger(row, 'ended_at'),
    ...(retryAt !== null && { retryAt }),
  };
}

/** Of an attempt whose outcome is not known yet. */
export function armedRecord(armed: ArmedAttempt): AttemptRecord {
  const { attempt, leg, path, region, url, armedAt } = armed;
  const nothing = { outcome: null, statusCode: null, error: null, startedAt: null, endedAt: null };
  return { attempt, leg, path, region, url, armedAt, ...nothing };
}

export function resultResponse(row: Row): ResultResponse {
  const headers: StoredResponse['headers'] = JSON.parse(text(row, 'headers'));
  return {
    attempt: integer(row, 'attempt'),
    region: text(row, 'region'),
    response: {
      status: integer(row, 'response_status'),
      headers,
      body: text(row, 'body'),
      bodyEncoding: flag(row, 'is_base64') ? 'base64' : 'utf8',
      truncated: flag(row, 'truncated'),
    },
  };
}

export function deliveryRecord(row: Row): DeliveryRecord {
  return {
    id: identifier(row, 'public_id'),
    jobId: identifier(row, 'job_id'),
    organization: identifier(row, 'organization_id'),
    webhook: integer(row, 'webhook'),
    endpointId: text(row, 'endpoint_id'),
    url: text(row, 'url'),
    state: coded(row, 'state', DELIVERY_STATE_CODES),
    hasQuorumVote: flag(row, 'has_quorum_vote'),
    receivesContinuation: flag(row, 'receives_continuation'),
    attempts: integer(row, 'attempts'),
    statusCode: optionalInteger(row, 'status_code'),
    error: optionalText(row, 'error'),
    deadReason: row['dead_reason'] === null ? null : coded(row, 'dead_reason', DEAD_REASON_CODES),
    nextAttemptAt: optionalInteger(row, 'next_attempt_at'),
    createdAt: integer(row, 'created_at'),
    ...(row['replayed_at'] !== null && {
      replayed: {
        at: integer(row, 'replayed_at'),
        afterAttempts: integer(row, 'replayed_after'),
      },
    }),
  };
}

export function endpointRecord(row: Row): EndpointRecord {
  const at = optionalInteger(row, 'disabled_at');
  return {
    organization: identifier(row, 'organization_id'),
    endpointId: text(row, 'endpoint_id'),
    url: text(row, 'url'),
    disabled: at === null ? null : { by: coded(row, 'disabled_by', DISABLED_BY_CODES), at },
  };
}

function keyOf(row: Row): string {
  return restoredKey(optionalText(row, 'idempotent_key'), row['fingerprint']);
}

function parentOf(row: Row): JobRecord['parent'] {
  if (row['parent'] === null) return null;
  return { id: identifier(row, 'parent'), edge: text(row, 'edge') };
}

function specOf(row: Row): JobSpec {
  return restoredSpec({
    method: text(row, 'method'),
    url: text(row, 'url'),
    spec: text(row, 'spec'),
    body: optionalText(row, 'body'),
  });
}
