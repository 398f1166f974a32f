import { JOB_STATES } from '@ezthrottle/core/protocol';
import type {
  AttemptRecord,
  DeliveryRecord,
  Id,
  JobEnd,
  JobRecord,
  JobSpec,
  JobSummary,
  LiveJob,
  OutcomeKind,
  ResultResponse,
  RunState,
  StoredResponse,
} from '@ezthrottle/engine';
import type { Row } from './connection.ts';
import { flag, identifier, integer, optionalInteger, optionalText, text, word } from './row.ts';

const OUTCOMES: readonly OutcomeKind[] = [
  'response',
  'network_error',
  'timeout',
  'aborted',
  'refused',
  'unknown',
];

export function jobRecord(row: Row, organization: Id): JobRecord {
  const spec: JobSpec = JSON.parse(text(row, 'spec'));
  const endJson = optionalText(row, 'end_json');
  const end: JobEnd | null = endJson === null ? null : JSON.parse(endJson);
  return {
    id: identifier(row, 'public_id'),
    organization,
    idempotentKey: text(row, 'idempotent_key'),
    spec,
    state: word(row, 'state', JOB_STATES),
    createdAt: integer(row, 'created_at'),
    startedAt: optionalInteger(row, 'started_at'),
    end,
    parent:
      row['parent'] === null ? null : { id: identifier(row, 'parent'), edge: text(row, 'edge') },
    quorumReachedAt: optionalInteger(row, 'quorum_reached_at'),
  };
}

export function liveJob(row: Row): LiveJob {
  const spec: JobSpec = JSON.parse(text(row, 'spec'));
  const run: RunState = JSON.parse(text(row, 'data'));
  return {
    id: identifier(row, 'public_id'),
    organization: identifier(row, 'organization_id'),
    apiKey: identifier(row, 'api_key_id'),
    spec,
    run,
    version: integer(row, 'version'),
    wakeAt: optionalInteger(row, 'wake_at'),
    idempotentKey: text(row, 'idempotent_key'),
    createdAt: integer(row, 'created_at'),
  };
}

export function jobSummary(row: Row): JobSummary {
  const tags: readonly string[] = JSON.parse(text(row, 'tags'));
  return {
    id: identifier(row, 'public_id'),
    idempotentKey: text(row, 'idempotent_key'),
    url: text(row, 'url'),
    method: text(row, 'method'),
    tags,
    state: word(row, 'state', JOB_STATES),
    racing: flag(row, 'racing'),
    createdAt: integer(row, 'created_at'),
    endedAt: optionalInteger(row, 'ended_at'),
  };
}

export function attemptRecord(row: Row): AttemptRecord {
  return {
    attempt: integer(row, 'attempt'),
    leg: integer(row, 'leg'),
    path: integer(row, 'path'),
    region: text(row, 'region'),
    url: text(row, 'url'),
    outcome: row['outcome'] === null ? null : word(row, 'outcome', OUTCOMES),
    statusCode: optionalInteger(row, 'status_code'),
    error: optionalText(row, 'error'),
    armedAt: integer(row, 'armed_at'),
    startedAt: optionalInteger(row, 'started_at'),
    endedAt: optionalInteger(row, 'ended_at'),
  };
}

export function resultResponse(row: Row): ResultResponse {
  const headers: StoredResponse['headers'] = JSON.parse(text(row, 'headers'));
  return {
    attempt: integer(row, 'attempt'),
    region: text(row, 'region'),
    response: {
      status: integer(row, 'status'),
      headers,
      body: text(row, 'body'),
      bodyEncoding: word(row, 'body_encoding', ['utf8', 'base64']),
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
    state: word(row, 'state', ['pending', 'delivered', 'dead']),
    hasQuorumVote: flag(row, 'has_quorum_vote'),
    receivesContinuation: flag(row, 'receives_continuation'),
    attempts: integer(row, 'attempts'),
    statusCode: optionalInteger(row, 'status_code'),
    error: optionalText(row, 'error'),
    nextAttemptAt: optionalInteger(row, 'next_attempt_at'),
    createdAt: integer(row, 'created_at'),
  };
}
