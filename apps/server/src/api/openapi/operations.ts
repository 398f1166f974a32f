import { LIMITS } from '@ezthrottle/core/protocol';
import {
  API_KEY_SCHEMA,
  AUDIT_LIST_SCHEMA,
  JOB_LIST_SCHEMA,
  LIMIT_LIST_SCHEMA,
  LIMIT_SETTINGS_SCHEMA,
  ROTATE_API_KEY_SCHEMA,
  ROTATE_WEBHOOK_SECRETS_SCHEMA,
  WEBHOOK_SECRETS_SCHEMA,
} from '@ezthrottle/core/protocol/schemas';
import { DEAD_LETTER_OPERATIONS } from './dead-letter-operations.ts';
import type { Operation, Operations } from './operation.ts';
import { PROTECTION_OPERATIONS } from './protection-operations.ts';

const JOB = { $ref: '#/components/schemas/JobRequest' } as const;

const PRECONDITIONS = {
  'If-Match': 'Changes only the version with this ETag',
  'If-None-Match': '`*`: only where there is none yet',
} as const;

const JOBS: Operations = {
  'POST /api/v1/jobs': {
    summary: 'Takes a job; answered once it is on disk',
    tag: 'jobs',
    body: JOB,
    headers: {
      Prefer:
        '`wait=N`: answers with the job and its result when it ends within N seconds, at most 60, else with 202',
    },
    answers: {
      201: 'SubmitReply',
      200: ['SubmitReply', 'FinishedJobReply'],
      202: 'SubmitReply',
    },
    refusals: [
      'idempotency_conflict',
      'replace_too_late',
      'idempotency_mismatch',
      'limits_unusable',
      'secrets_unusable',
      'rate_limited',
    ],
  },
  'POST /api/v1/jobs/batch': {
    summary: 'Takes several jobs; each is answered in its place as if it had come alone',
    tag: 'jobs',
    body: {
      type: 'object',
      required: ['jobs'],
      properties: {
        jobs: { type: 'array', minItems: 1, maxItems: LIMITS.batchJobs, items: JOB },
      },
    },
    answers: { 200: 'BatchReply' },
  },
  'GET /api/v1/jobs': {
    summary: 'Jobs of the organization, newest first, page by page',
    tag: 'jobs',
    query: JOB_LIST_SCHEMA,
    answers: { 200: 'JobPage' },
  },
  'GET /api/v1/jobs/:id': {
    summary: 'One job with its attempts, deliveries and result',
    tag: 'jobs',
    answers: { 200: 'JobView' },
    refusals: ['not_found'],
  },
  'DELETE /api/v1/jobs/:id': {
    summary: 'Stops a job that has not ended',
    tag: 'jobs',
    answers: { 200: 'CancelReply' },
    refusals: ['not_found', 'conflict'],
  },
  'GET /api/v1/jobs/:id/explain': {
    summary: 'What a job waits for, until when, and which rule to change',
    tag: 'jobs',
    answers: { 200: 'JobExplanation' },
    refusals: ['not_found'],
  },
  'GET /api/v1/jobs/:id/stream': {
    summary: 'What has happened to a job, then what happens to it, until it ends',
    tag: 'jobs',
    headers: { 'Last-Event-ID': 'Number of the last event that was seen: goes on behind it' },
    answers: { 200: 'event stream', 204: 'nothing' },
    refusals: ['not_found', 'unavailable'],
  },
};

const ONE_LIMIT: Pick<Operation, 'tag' | 'headers'> = { tag: 'limits', headers: PRECONDITIONS };

const LIMIT_OPERATIONS: Operations = {
  'PUT /api/v1/limits/:key': {
    ...ONE_LIMIT,
    summary: 'Makes a limit, or sets all of it anew',
    body: LIMIT_SETTINGS_SCHEMA,
    answers: { 201: 'LimitView', 200: 'LimitView' },
    refusals: ['conflict', 'precondition_failed'],
  },
  'PATCH /api/v1/limits/:key': {
    ...ONE_LIMIT,
    summary: 'Changes what is given; null takes a setting back',
    body: LIMIT_SETTINGS_SCHEMA,
    answers: { 200: 'LimitView' },
    refusals: ['not_found', 'conflict', 'precondition_failed'],
  },
  'GET /api/v1/limits/:key': {
    summary: 'A limit and where it stands',
    tag: 'limits',
    answers: { 200: 'LimitView' },
    refusals: ['not_found'],
  },
  'DELETE /api/v1/limits/:key': {
    ...ONE_LIMIT,
    summary: 'Deletes a limit: it holds back nobody any more',
    answers: { 200: 'LimitDeletedReply' },
    refusals: ['not_found', 'conflict', 'precondition_failed'],
  },
  'GET /api/v1/limits': {
    summary: 'Limits of the organization by key, page by page',
    tag: 'limits',
    query: LIMIT_LIST_SCHEMA,
    answers: { 200: 'LimitPage' },
  },
};

const WEBHOOKS: Operations = {
  'POST /api/v1/webhook-secrets': {
    summary: 'Sets the secrets that sign webhooks',
    tag: 'webhooks',
    body: WEBHOOK_SECRETS_SCHEMA,
    answers: { 200: 'DoneReply' },
  },
  'GET /api/v1/webhook-secrets': {
    summary: 'The secrets, masked',
    tag: 'webhooks',
    answers: { 200: 'WebhookSecretsView' },
    refusals: ['not_found'],
  },
  'DELETE /api/v1/webhook-secrets': {
    summary: 'Deletes the secrets: webhooks go out unsigned',
    tag: 'webhooks',
    answers: { 200: 'DoneReply' },
  },
  'POST /api/v1/webhook-secrets/rotate': {
    summary: 'A new primary secret; the one before goes on as the secondary',
    tag: 'webhooks',
    body: ROTATE_WEBHOOK_SECRETS_SCHEMA,
    answers: { 200: 'DoneReply' },
    refusals: ['not_found'],
  },
  'POST /api/v1/webhook-secrets/signing-keys': {
    summary: 'Makes an ed25519 key that signs beside the secrets',
    tag: 'webhooks',
    answers: { 201: 'SigningKeysView' },
    // The latter: somebody has deleted it in the same moment.
    refusals: ['conflict', 'not_found'],
  },
  'GET /api/v1/webhook-secrets/signing-keys': {
    summary: 'The public halves of the ed25519 keys',
    tag: 'webhooks',
    answers: { 200: 'SigningKeysView' },
    refusals: ['not_found'],
  },
  'POST /api/v1/webhook-secrets/signing-keys/rotate': {
    summary: 'A new ed25519 key; the one before signs on until the next rotation',
    tag: 'webhooks',
    answers: { 200: 'SigningKeysView' },
    refusals: ['not_found'],
  },
  'DELETE /api/v1/webhook-secrets/signing-keys': {
    summary: 'Deletes the ed25519 keys',
    tag: 'webhooks',
    answers: { 200: 'DoneReply' },
  },
  'GET /api/v1/webhook-endpoints': {
    summary: 'Endpoints that were disabled at some time',
    tag: 'webhooks',
    answers: { 200: 'WebhookEndpointList' },
  },
  'POST /api/v1/webhook-endpoints/:id/enable': {
    summary: 'Delivers there again',
    tag: 'webhooks',
    answers: { 200: 'WebhookEndpointView' },
    refusals: ['not_found'],
  },
  'POST /api/v1/webhook-endpoints/:id/disable': {
    summary: 'Deliveries there end as dead from now on',
    tag: 'webhooks',
    answers: { 200: 'WebhookEndpointView' },
    refusals: ['not_found'],
  },
};

const API_KEYS: Operations = {
  'POST /api/v1/api-keys': {
    summary: 'Makes an API key; the one time that it is shown',
    tag: 'API keys',
    body: API_KEY_SCHEMA,
    answers: { 201: 'NewApiKeyView' },
    refusals: ['conflict'],
  },
  'GET /api/v1/api-keys': {
    summary: 'The API keys of the organization, without the keys themselves',
    tag: 'API keys',
    answers: { 200: 'ApiKeyList' },
  },
  'GET /api/v1/api-keys/:id': {
    summary: 'One API key, without the key itself',
    tag: 'API keys',
    answers: { 200: 'ApiKeyView' },
    refusals: ['not_found'],
  },
  'POST /api/v1/api-keys/:id/rotate': {
    summary:
      'A new key in the place of one that goes on for a while; the one time that it is shown',
    tag: 'API keys',
    body: ROTATE_API_KEY_SCHEMA,
    answers: { 201: 'NewApiKeyView' },
    refusals: ['not_found', 'conflict'],
  },
  'DELETE /api/v1/api-keys/:id': {
    summary: 'Revokes an API key at once',
    tag: 'API keys',
    answers: { 200: 'ApiKeyView' },
    refusals: ['not_found', 'conflict'],
  },
};

const OPERATING: Operations = {
  'GET /api/v1/audit-log': {
    summary: 'What operators have done, the newest first, page by page',
    tag: 'operations',
    query: AUDIT_LIST_SCHEMA,
    answers: { 200: 'AuditPage' },
  },
};

const SERVER: Operations = {
  'GET /health': {
    summary: 'Whether the server is there, and how much it has to do',
    tag: 'server',
    answers: { 200: 'HealthView' },
  },
  'GET /live': {
    summary: 'Whether the process answers at all, whatever its store does',
    tag: 'server',
    answers: { 200: 'LivenessView' },
  },
  'GET /ready': {
    summary:
      'Whether the server is to be sent requests: 503 while it stops or its store does not answer',
    tag: 'server',
    answers: { 200: 'ReadinessView', 503: 'ReadinessView' },
  },
  'GET /api/v1/openapi.json': {
    summary: 'This document',
    tag: 'server',
    answers: { 200: 'any object' },
  },
};

/** What is said about every route there is; a test holds the two equal. */
export const OPERATIONS: Operations = {
  ...JOBS,
  ...LIMIT_OPERATIONS,
  ...WEBHOOKS,
  ...API_KEYS,
  ...PROTECTION_OPERATIONS,
  ...DEAD_LETTER_OPERATIONS,
  ...OPERATING,
  ...SERVER,
};
