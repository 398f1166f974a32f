import { AUDIT_BOUNDS } from '../audit.ts';
import type {
  DeadDeliveryReason,
  DeadJobReason,
  DeadLetterFilter,
  JobEdit,
  ReplayDeliveryRequest,
  ReplayJobRequest,
} from '../dead-letter.ts';
import * as LIMITS from '../bounds.ts';
import { type CancelRedriveRequest, REDRIVE_BOUNDS, type RedriveRequest } from '../redrive.ts';
import { WEBHOOK_DEFINITION } from './job-request-schema.ts';
import {
  closedSchema,
  enumSchema,
  type JsonSchema,
  objectSchema,
  type SchemaFor,
} from './json-schema.ts';

/** Query of the lists of dead letters. Every value is text, as it stands in the address. */
export interface DeadLetterListRequest {
  /** One, or several with commas. */
  readonly reason?: string;
  readonly destination?: string;
  readonly user_id?: string;
  readonly tag?: string;
  /** Milliseconds since the epoch, as digits. */
  readonly ended_from?: string;
  readonly ended_before?: string;
  /** `next_cursor` of the page before. */
  readonly cursor?: string;
  /** 1 to 100 as digits. Default 50. */
  readonly limit?: string;
}

/** Query of the lists of redrives and of their items. */
export interface RedriveListRequest {
  readonly cursor?: string;
  readonly limit?: string;
}

const MOMENT = '^[0-9]{1,16}$';
const cursor: SchemaFor<string> = { type: 'string', minLength: 1, maxLength: 512 };
const limit: SchemaFor<string> = { type: 'string', pattern: '^(?:[1-9][0-9]?|100)$' };
const moment = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;
const destination: SchemaFor<string> = {
  type: 'string',
  minLength: 1,
  maxLength: LIMITS.urlLength,
};
const userId: SchemaFor<string> = { type: 'string', maxLength: LIMITS.userIdLength };
const tag: SchemaFor<string> = { type: 'string', minLength: 1, maxLength: LIMITS.tagLength };
const reason: SchemaFor<string> = {
  type: 'string',
  minLength: 1,
  maxLength: AUDIT_BOUNDS.reasonLength,
};

const filter = closedSchema<DeadLetterFilter>(
  {},
  {
    reasons: {
      type: 'array',
      minItems: 1,
      maxItems: 16,
      items: enumSchema<DeadJobReason | DeadDeliveryReason>({
        target_refused: true,
        target_unreachable: true,
        gave_up: true,
        not_allowed: true,
        engine_failure: true,
        gone: true,
        refused: true,
        endpoint_disabled: true,
      }),
    },
    destination,
    user_id: userId,
    tag,
    ended_from: moment,
    ended_before: moment,
  },
);

const editShape = closedSchema<JobEdit>(
  {},
  {
    url: { type: 'string', minLength: 1, maxLength: LIMITS.urlLength },
    method: { type: 'string', minLength: 1, maxLength: 32 },
    headers: { type: 'object', additionalProperties: { type: 'string' } },
    body: { type: 'string' },
    body_encoding: enumSchema<'utf8' | 'base64'>({ utf8: true, base64: true }),
    webhooks: {
      type: 'array',
      maxItems: LIMITS.webhooks,
      items: { $ref: '#/definitions/webhook' },
    },
    execute_before: moment,
  },
);

// Put in where they are used: then each schema says all by itself.
const edit: JsonSchema = {
  ...editShape,
  properties: {
    ...editShape.properties,
    webhooks: {
      ...editShape.properties.webhooks,
      items: { ...WEBHOOK_DEFINITION, additionalProperties: false },
    },
  },
};

export const DEAD_LETTER_LIST_SCHEMA: JsonSchema = {
  $id: 'dead-letter-list.json',
  ...objectSchema<DeadLetterListRequest>(
    {},
    {
      reason: { type: 'string', minLength: 1, maxLength: 256 },
      destination,
      user_id: userId,
      tag,
      ended_from: { type: 'string', pattern: MOMENT },
      ended_before: { type: 'string', pattern: MOMENT },
      cursor,
      limit,
    },
  ),
};

const replayJob = closedSchema<ReplayJobRequest>(
  {},
  { reason, again: { type: 'boolean' }, edit: { $ref: '#/definitions/edit' } },
);

export const REPLAY_JOB_SCHEMA: JsonSchema = {
  $id: 'replay-job.json',
  ...replayJob,
  properties: { ...replayJob.properties, edit },
};

export const REPLAY_DELIVERY_SCHEMA: JsonSchema = {
  $id: 'replay-delivery.json',
  ...closedSchema<ReplayDeliveryRequest>(
    {},
    { reason, as_new: { type: 'boolean' }, url: destination },
  ),
};

const redrive = closedSchema<RedriveRequest>(
  { reason: true },
  {
    of: enumSchema<'jobs' | 'deliveries'>({ jobs: true, deliveries: true }),
    filter: { $ref: '#/definitions/filter' },
    reason,
    dry_run: { type: 'boolean' },
    rate: { type: 'number', exclusiveMinimum: 0, maximum: REDRIVE_BOUNDS.rate },
    canary: { type: 'integer', minimum: 0, maximum: REDRIVE_BOUNDS.canary },
    max_failure_percent: { type: 'number', minimum: 0, maximum: 100 },
    max_items: { type: 'integer', minimum: 1, maximum: REDRIVE_BOUNDS.items },
    edit: { $ref: '#/definitions/edit' },
  },
);

export const REDRIVE_SCHEMA: JsonSchema = {
  $id: 'redrive.json',
  ...redrive,
  properties: { ...redrive.properties, filter, edit },
};

export const CANCEL_REDRIVE_SCHEMA: JsonSchema = {
  $id: 'cancel-redrive.json',
  ...closedSchema<CancelRedriveRequest>({}, { reason }),
};

export const REDRIVE_LIST_SCHEMA: JsonSchema = {
  $id: 'redrive-list.json',
  ...objectSchema<RedriveListRequest>({}, { cursor, limit }),
};
