// Made from the types of the protocol by scripts/embed-reply-schemas.ts: change those, then run it.

import type { JsonSchema } from '@ezthrottle/core/protocol/schemas';

export const REPLY_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  AccountDeletionView: {
    type: 'object',
    properties: {
      user_id: {
        type: 'string',
      },
      status: {
        type: 'string',
        enum: ['running', 'done'],
      },
      requested_at: {
        type: 'number',
      },
      finished_at: {
        type: ['number', 'null'],
      },
      removed: {
        type: 'number',
        description: 'Jobs that were removed so far, with their attempts, deliveries and events.',
      },
      is_more_left: {
        type: 'boolean',
        description: 'Whether there may be jobs from before the request that are not removed yet.',
      },
    },
    required: ['user_id', 'status', 'requested_at', 'finished_at', 'removed', 'is_more_left'],
    description:
      "How far the deletion of an account's data has come. Moments are milliseconds since the epoch.",
  },
  AheadView: {
    type: 'object',
    properties: {
      total: {
        type: 'number',
      },
      accounts: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            api_key_id: {
              type: 'string',
            },
            user_id: {
              type: 'string',
            },
            calls: {
              type: 'number',
            },
          },
          required: ['api_key_id', 'user_id', 'calls'],
        },
        description: 'Whose they are, those with the most first; at most 20.',
      },
    },
    required: ['total', 'accounts'],
    description: "Calls that go before a job's.",
  },
  ApiKeyList: {
    type: 'object',
    properties: {
      api_keys: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/ApiKeyView',
        },
        description: 'The newest first; of the revoked only the last hundred.',
      },
    },
    required: ['api_keys'],
  },
  ApiKeyScope: {
    type: 'string',
    enum: ['submit', 'read', 'manage'],
  },
  ApiKeyView: {
    type: 'object',
    properties: {
      id: {
        type: 'string',
      },
      name: {
        type: 'string',
      },
      scopes: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/ApiKeyScope',
        },
      },
      hint: {
        type: ['string', 'null'],
        description:
          'How the key begins, to tell it from others; null for one that the server was started with.',
      },
      created_at: {
        type: 'number',
      },
      expires_at: {
        type: ['number', 'null'],
        description: 'Null: it does not expire.',
      },
      last_used_at: {
        type: ['number', 'null'],
        description: 'To the minute; null: never.',
      },
      previous_expires_at: {
        type: ['number', 'null'],
        description: 'Until when the key before the last rotation is still taken; null: none is.',
      },
      revoked_at: {
        type: ['number', 'null'],
        description: 'Null: it is not revoked.',
      },
    },
    required: [
      'id',
      'name',
      'scopes',
      'hint',
      'created_at',
      'expires_at',
      'last_used_at',
      'previous_expires_at',
      'revoked_at',
    ],
    description:
      'An API key as it is listed: never the key itself. Moments are milliseconds since the epoch.',
  },
  AttemptView: {
    type: 'object',
    properties: {
      attempt: {
        type: 'number',
      },
      path: {
        type: 'number',
        description: "0 is the job's own call, n its n-th fallback.",
      },
      region: {
        type: 'string',
      },
      url: {
        type: 'string',
      },
      outcome: {
        type: 'string',
        enum: ['armed', 'response', 'network_error', 'timeout', 'aborted', 'refused', 'unknown'],
      },
      status_code: {
        type: ['number', 'null'],
      },
      error: {
        type: ['string', 'null'],
      },
      started_at: {
        type: ['number', 'null'],
      },
      ended_at: {
        type: ['number', 'null'],
      },
    },
    required: [
      'attempt',
      'path',
      'region',
      'url',
      'outcome',
      'status_code',
      'error',
      'started_at',
      'ended_at',
    ],
  },
  AuditAction: {
    type: 'string',
    description: 'What an operator has done: `noun.verb`, for example `limit.put`.',
  },
  AuditEntryView: {
    type: 'object',
    properties: {
      audit_id: {
        type: 'string',
      },
      at: {
        type: 'number',
        description: 'Milliseconds since the epoch.',
      },
      action: {
        $ref: '#/components/schemas/AuditAction',
      },
      target: {
        type: ['string', 'null'],
        description:
          'What was acted on: the id of a job, the key of a limit; null: there is only one.',
      },
      api_key_id: {
        type: ['string', 'null'],
        description: 'The API key that was used; null: the server by itself.',
      },
      actor: {
        type: ['string', 'null'],
        description: 'Who used it, as they said in `X-EZThrottle-Actor`.',
      },
      reason: {
        type: ['string', 'null'],
      },
      before: {
        anyOf: [
          {
            $ref: '#/components/schemas/Metadata',
          },
          {
            type: 'null',
          },
        ],
      },
      after: {
        anyOf: [
          {
            $ref: '#/components/schemas/Metadata',
          },
          {
            type: 'null',
          },
        ],
      },
    },
    required: [
      'audit_id',
      'at',
      'action',
      'target',
      'api_key_id',
      'actor',
      'reason',
      'before',
      'after',
    ],
    description:
      'An act that has changed something, as it was noted in the same write. Nothing in it is a secret.',
  },
  AuditPage: {
    type: 'object',
    properties: {
      entries: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/AuditEntryView',
        },
        description: 'The newest first.',
      },
      next_cursor: {
        type: ['string', 'null'],
        description: 'Pass as `cursor` to read on; null at the end.',
      },
    },
    required: ['entries', 'next_cursor'],
  },
  BatchReply: {
    type: 'object',
    properties: {
      results: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            status_code: {
              type: 'number',
              description:
                'What the job alone would have been answered with: 201, 200, 400, 409, 422, 429.',
            },
            body: {
              anyOf: [
                {
                  $ref: '#/components/schemas/SubmitReply',
                },
                {
                  $ref: '#/components/schemas/WireError',
                },
              ],
            },
          },
          required: ['status_code', 'body'],
        },
      },
    },
    required: ['results'],
    description:
      'Answer to a batch: one item per job, in the order of the jobs. The batch itself is answered 200.',
  },
  CancelReply: {
    type: 'object',
    properties: {
      job_id: {
        type: 'string',
      },
      status: {
        type: 'string',
        const: 'cancelled',
      },
      state: {
        type: 'string',
        const: 'cancelled',
      },
    },
    required: ['job_id', 'status', 'state'],
    description: 'Answer to `DELETE /api/v1/jobs/:id`.',
  },
  DeadDeliveryDetail: {
    type: 'object',
    properties: {
      job_id: {
        type: 'string',
      },
      endpoint_id: {
        type: 'string',
      },
      delivery_id: {},
      url: {},
      state: {},
      has_quorum_vote: {},
      attempts: {},
      status_code: {},
      error: {},
      dead_reason: {},
      next_attempt_at: {},
      history: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/DeliveryAttemptView',
        },
      },
      replayed: {
        anyOf: [
          {
            type: 'object',
            properties: {
              at: {
                type: 'number',
              },
              after_attempts: {
                type: 'number',
              },
            },
            required: ['at', 'after_attempts'],
          },
          {
            type: 'null',
          },
        ],
        description: 'When it was replayed last, and how many attempts it had then.',
      },
      duplicate: {
        type: 'boolean',
        const: true,
        description: 'Answer to a replay: nothing was sent now, this is what there is already.',
      },
      mismatch: {
        type: 'boolean',
        const: true,
        description: 'And it goes to another address than the one that was asked for.',
      },
    },
    required: [
      'attempts',
      'dead_reason',
      'delivery_id',
      'endpoint_id',
      'error',
      'has_quorum_vote',
      'history',
      'job_id',
      'next_attempt_at',
      'replayed',
      'state',
      'status_code',
      'url',
    ],
  },
  DeadDeliveryPage: {
    type: 'object',
    properties: {
      deliveries: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/DeadDeliveryView',
        },
      },
      next_cursor: {
        type: ['string', 'null'],
      },
    },
    required: ['deliveries', 'next_cursor'],
  },
  DeadDeliveryReason: {
    type: 'string',
    enum: ['gone', 'refused', 'gave_up', 'endpoint_disabled'],
  },
  DeadDeliveryView: {
    type: 'object',
    properties: {
      delivery_id: {
        type: 'string',
      },
      url: {
        type: 'string',
      },
      state: {
        type: 'string',
        enum: ['pending', 'delivered', 'dead'],
      },
      has_quorum_vote: {
        type: 'boolean',
      },
      attempts: {
        type: 'number',
      },
      status_code: {
        type: ['number', 'null'],
      },
      error: {
        type: ['string', 'null'],
      },
      dead_reason: {
        type: ['string', 'null'],
        enum: ['gone', 'refused', 'gave_up', 'endpoint_disabled', null],
        description:
          'Why a dead one is not tried again: 410, an address that may not be called, too late, endpoint disabled.',
      },
      next_attempt_at: {
        type: ['number', 'null'],
      },
      job_id: {
        type: 'string',
      },
      endpoint_id: {
        type: 'string',
      },
      died_at: {
        type: ['number', 'null'],
        description: 'When it died last; null while it is not dead.',
      },
      user_id: {
        type: ['string', 'null'],
      },
      tags: {
        type: 'array',
        items: {
          type: 'string',
        },
      },
    },
    required: [
      'attempts',
      'dead_reason',
      'delivery_id',
      'died_at',
      'endpoint_id',
      'error',
      'has_quorum_vote',
      'job_id',
      'next_attempt_at',
      'state',
      'status_code',
      'tags',
      'url',
      'user_id',
    ],
  },
  DeadJobDetail: {
    type: 'object',
    properties: {
      job_id: {
        type: 'string',
      },
      status: {
        $ref: '#/components/schemas/JobStatus',
      },
      state: {
        $ref: '#/components/schemas/JobState',
      },
      idempotent_key: {
        type: 'string',
      },
      idempotency_expires_at: {
        type: 'number',
        description:
          'Until when the key is taken, in milliseconds since the epoch. While the job is live: the latest that it can be.',
      },
      url: {
        type: 'string',
      },
      method: {
        type: 'string',
      },
      tags: {
        type: 'array',
        items: {
          type: 'string',
        },
      },
      metadata: {
        $ref: '#/components/schemas/Metadata',
      },
      created_at: {
        type: 'number',
      },
      started_at: {
        type: ['number', 'null'],
      },
      ended_at: {
        type: ['number', 'null'],
      },
      parent_job_id: {
        type: ['string', 'null'],
      },
      redrive_of: {
        type: 'string',
        description: 'The dead job that this one is a new try of.',
      },
      children: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            job_id: {
              type: 'string',
            },
            edge: {
              type: 'string',
            },
          },
          required: ['job_id', 'edge'],
        },
      },
      attempts: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/AttemptView',
        },
        description:
          'Those that led to a call. The numbers of others, prepared and taken back before it, are not given again.',
      },
      deliveries: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/DeliveryView',
        },
      },
      quorum_reached_at: {
        type: ['number', 'null'],
        description: 'Null until enough voting webhooks have answered 2xx, or when there are none.',
      },
      result: {
        anyOf: [
          {
            $ref: '#/components/schemas/ResultView',
          },
          {
            type: 'null',
          },
        ],
        description: "The same object as the webhook's, once the job has ended.",
      },
      erased: {
        type: 'array',
        items: {
          type: 'string',
          enum: ['bodies', 'headers', 'attempts', 'request'],
        },
        description: 'Parts that are not kept any more; absent: all are.',
      },
      reason: {
        $ref: '#/components/schemas/DeadJobReason',
      },
      error: {
        type: ['string', 'null'],
      },
      user_id: {
        type: ['string', 'null'],
      },
      redriven_as: {
        anyOf: [
          {
            type: 'object',
            properties: {
              job_id: {
                type: 'string',
              },
              state: {
                type: 'string',
              },
            },
            required: ['job_id', 'state'],
          },
          {
            type: 'null',
          },
        ],
        description: 'The new try of this one.',
      },
    },
    required: [
      'attempts',
      'children',
      'created_at',
      'deliveries',
      'ended_at',
      'error',
      'idempotency_expires_at',
      'idempotent_key',
      'job_id',
      'metadata',
      'method',
      'parent_job_id',
      'quorum_reached_at',
      'reason',
      'redriven_as',
      'result',
      'started_at',
      'state',
      'status',
      'tags',
      'url',
      'user_id',
    ],
    description: 'A dead job with all that has happened to it.',
  },
  DeadJobPage: {
    type: 'object',
    properties: {
      jobs: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/DeadJobView',
        },
        description:
          'Those that died last first. A page may show fewer than its limit, and its cursor go on all the same.',
      },
      next_cursor: {
        type: ['string', 'null'],
      },
    },
    required: ['jobs', 'next_cursor'],
  },
  DeadJobReason: {
    type: 'string',
    enum: ['target_refused', 'target_unreachable', 'gave_up', 'not_allowed', 'engine_failure'],
  },
  DeadJobView: {
    type: 'object',
    properties: {
      job_id: {
        type: 'string',
      },
      status: {
        $ref: '#/components/schemas/JobStatus',
      },
      state: {
        type: 'string',
        enum: ['failed', 'deadletter'],
      },
      reason: {
        $ref: '#/components/schemas/DeadJobReason',
      },
      error: {
        type: ['string', 'null'],
        description: "As in the job's result, for example `status_500`.",
      },
      idempotent_key: {
        type: 'string',
      },
      url: {
        type: 'string',
      },
      method: {
        type: 'string',
      },
      user_id: {
        type: ['string', 'null'],
      },
      tags: {
        type: 'array',
        items: {
          type: 'string',
        },
      },
      created_at: {
        type: 'number',
      },
      ended_at: {
        type: 'number',
      },
      redrive_of: {
        type: ['string', 'null'],
        description: 'The dead job that this one was a new try of.',
      },
      redriven_as: {
        anyOf: [
          {
            type: 'object',
            properties: {
              job_id: {
                type: 'string',
              },
              state: {
                type: 'string',
              },
            },
            required: ['job_id', 'state'],
          },
          {
            type: 'null',
          },
        ],
        description: 'The new try of this one.',
      },
    },
    required: [
      'job_id',
      'status',
      'state',
      'reason',
      'error',
      'idempotent_key',
      'url',
      'method',
      'user_id',
      'tags',
      'created_at',
      'ended_at',
      'redrive_of',
      'redriven_as',
    ],
    description: 'A row of the list of dead jobs.',
  },
  DeadLetterFilter: {
    type: 'object',
    properties: {
      reasons: {
        type: 'array',
        items: {
          anyOf: [
            {
              $ref: '#/components/schemas/DeadJobReason',
            },
            {
              $ref: '#/components/schemas/DeadDeliveryReason',
            },
          ],
        },
      },
      destination: {
        type: 'string',
        description:
          "Origin of the job's own call, or of the endpoint, such as `https://api.example.com`.",
      },
      user_id: {
        type: 'string',
        description: 'The account that the job is done for.',
      },
      tag: {
        type: 'string',
      },
      ended_from: {
        type: 'number',
        description: 'Died at this moment or later, in milliseconds since the epoch.',
      },
      ended_before: {
        type: 'number',
        description: 'Died before this moment.',
      },
    },
    description:
      'Which dead letters are meant; those of which all that is said is true. Absent: whatever it is.',
  },
  DeliveryAttemptView: {
    type: 'object',
    properties: {
      attempt: {
        type: 'number',
      },
      status_code: {
        type: ['number', 'null'],
      },
      error: {
        type: ['string', 'null'],
      },
      started_at: {
        type: 'number',
      },
      ended_at: {
        type: 'number',
      },
    },
    required: ['attempt', 'status_code', 'error', 'started_at', 'ended_at'],
  },
  DeliveryView: {
    type: 'object',
    properties: {
      delivery_id: {
        type: 'string',
      },
      url: {
        type: 'string',
      },
      state: {
        type: 'string',
        enum: ['pending', 'delivered', 'dead'],
      },
      has_quorum_vote: {
        type: 'boolean',
      },
      attempts: {
        type: 'number',
      },
      status_code: {
        type: ['number', 'null'],
      },
      error: {
        type: ['string', 'null'],
      },
      dead_reason: {
        type: ['string', 'null'],
        enum: ['gone', 'refused', 'gave_up', 'endpoint_disabled', null],
        description:
          'Why a dead one is not tried again: 410, an address that may not be called, too late, endpoint disabled.',
      },
      next_attempt_at: {
        type: ['number', 'null'],
      },
    },
    required: [
      'delivery_id',
      'url',
      'state',
      'has_quorum_vote',
      'attempts',
      'status_code',
      'error',
      'dead_reason',
      'next_attempt_at',
    ],
  },
  DividedPace: {
    type: 'object',
    properties: {
      rate: {
        type: ['number', 'null'],
        description: 'Units a second; null: only calls at the same time are limited.',
      },
      concurrency: {
        type: 'number',
        description: 'Calls at the same time.',
      },
    },
    required: ['rate', 'concurrency'],
    description: 'How much of a limit may be spent.',
  },
  DivisionView: {
    type: 'object',
    properties: {
      key: {
        type: 'string',
        description: 'Key of the limit: `destination:<origin>`, `account:<user_id>`, a name.',
      },
      whole: {
        $ref: '#/components/schemas/DividedPace',
        description: 'All of it that is in force.',
      },
      share: {
        $ref: '#/components/schemas/DividedPace',
        description:
          'What the server that has the call may spend of it now, which its calls wait for alone; zeros: nothing.',
      },
      parts: {
        type: ['number', 'null'],
        description:
          'Into how many parts the accounts of a destination are divided; null: the shares go by what waits.',
      },
      part: {
        type: ['number', 'null'],
        description:
          'The part in which the call stands, from 0: it stays there also when the parts become more or fewer.',
      },
      position: {
        type: ['number', 'null'],
        description:
          'Calls of the same part that go before it; null: there are no parts, or that cannot be told.',
      },
    },
    required: ['key', 'whole', 'share', 'parts', 'part', 'position'],
    description:
      "A limit that several servers of a cluster spend, of which the one that has the job's call has but a share.",
  },
  DoneReply: {
    type: 'object',
    properties: {
      status: {
        type: 'string',
        const: 'ok',
      },
      message: {
        type: 'string',
      },
    },
    required: ['status', 'message'],
    description: 'What there was to do is done.',
  },
  ErrorCode: {
    type: 'string',
    enum: [
      'validation_failed',
      'invalid_json',
      'unauthorized',
      'forbidden',
      'not_found',
      'method_not_allowed',
      'conflict',
      'idempotency_conflict',
      'replace_too_late',
      'precondition_failed',
      'payload_too_large',
      'unsupported_media_type',
      'idempotency_mismatch',
      'limits_unusable',
      'secrets_unusable',
      'rate_limited',
      'internal_error',
      'unavailable',
    ],
  },
  FinishedJobReply: {
    type: 'object',
    properties: {
      job_id: {
        type: 'string',
      },
      status: {
        $ref: '#/components/schemas/JobStatus',
      },
      state: {
        $ref: '#/components/schemas/JobState',
      },
      idempotent_key: {
        type: 'string',
      },
      idempotency_expires_at: {
        type: 'number',
        description:
          'Until when the key is taken, in milliseconds since the epoch. While the job is live: the latest that it can be.',
      },
      url: {
        type: 'string',
      },
      method: {
        type: 'string',
      },
      tags: {
        type: 'array',
        items: {
          type: 'string',
        },
      },
      metadata: {
        $ref: '#/components/schemas/Metadata',
      },
      created_at: {
        type: 'number',
      },
      started_at: {
        type: ['number', 'null'],
      },
      ended_at: {
        type: ['number', 'null'],
      },
      parent_job_id: {
        type: ['string', 'null'],
      },
      redrive_of: {
        type: 'string',
        description: 'The dead job that this one is a new try of.',
      },
      children: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            job_id: {
              type: 'string',
            },
            edge: {
              type: 'string',
            },
          },
          required: ['job_id', 'edge'],
        },
      },
      attempts: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/AttemptView',
        },
        description:
          'Those that led to a call. The numbers of others, prepared and taken back before it, are not given again.',
      },
      deliveries: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/DeliveryView',
        },
      },
      quorum_reached_at: {
        type: ['number', 'null'],
        description: 'Null until enough voting webhooks have answered 2xx, or when there are none.',
      },
      result: {
        anyOf: [
          {
            $ref: '#/components/schemas/ResultView',
          },
          {
            type: 'null',
          },
        ],
        description: "The same object as the webhook's, once the job has ended.",
      },
      erased: {
        type: 'array',
        items: {
          type: 'string',
          enum: ['bodies', 'headers', 'attempts', 'request'],
        },
        description: 'Parts that are not kept any more; absent: all are.',
      },
      queued_at: {
        type: 'number',
        description: 'Milliseconds since the epoch.',
      },
      duplicate: {
        type: 'boolean',
        const: true,
      },
      mismatch: {
        type: 'boolean',
        const: true,
        description: 'A duplicate key came with another method, URL or body.',
      },
      replaced_job_id: {
        type: 'string',
        description: "The job that was cancelled for this one, with `on_conflict: 'replace'`.",
      },
      warnings: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/WarningView',
        },
        description: 'Unknown or unused fields of the request, each with its path.',
      },
    },
    required: [
      'attempts',
      'children',
      'created_at',
      'deliveries',
      'ended_at',
      'idempotency_expires_at',
      'idempotent_key',
      'job_id',
      'metadata',
      'method',
      'parent_job_id',
      'queued_at',
      'quorum_reached_at',
      'result',
      'started_at',
      'state',
      'status',
      'tags',
      'url',
    ],
    description:
      'Answer to a submit with `Prefer: wait=N` when the job has ended in time: what the submit would have been answered, and the job as it is shown, with its result.',
  },
  HealthView: {
    type: 'object',
    properties: {
      status: {
        type: 'string',
        const: 'ok',
      },
      version: {
        type: 'string',
      },
      uptime_seconds: {
        type: 'number',
        description: 'Since it started, in whole seconds.',
      },
      oldest_wait_ms: {
        type: ['number', 'null'],
        description:
          'Since when the job that came first of those in line waits, in milliseconds; null: none is in line.',
      },
      calls_in_flight: {
        type: 'number',
        description: 'Calls to targets under way.',
      },
      deliveries: {
        type: 'object',
        properties: {
          in_flight: {
            type: 'number',
            description: 'Calls to webhook endpoints under way.',
          },
          waiting: {
            type: 'number',
            description: 'Deliveries that wait in memory for their turn.',
          },
        },
        required: ['in_flight', 'waiting'],
      },
      jobs: {
        type: 'object',
        properties: {
          pending: {
            type: 'number',
          },
          scheduled: {
            type: 'number',
          },
          processing: {
            type: 'number',
          },
          completed: {
            type: 'number',
          },
          failed: {
            type: 'number',
          },
          deadletter: {
            type: 'number',
          },
          cancelled: {
            type: 'number',
          },
        },
        required: [
          'pending',
          'scheduled',
          'processing',
          'completed',
          'failed',
          'deadletter',
          'cancelled',
        ],
        description: 'Jobs by state.',
      },
      admission: {
        type: 'object',
        additionalProperties: {
          type: ['number', 'boolean'],
        },
        description:
          'What is measured, and the bounds beyond which new jobs are turned away; 0: none.',
      },
      hears_nodes: {
        type: ['boolean', 'null'],
        description:
          'Of a node among others: whether it hears what they tell it. While it does not, their work is found a second later. Null: there are no others, or nodes are not to tell each other anything.',
      },
      regions: {
        anyOf: [
          {
            type: 'string',
            const: 'any',
          },
          {
            type: 'array',
            items: {
              $ref: '#/components/schemas/RegionHealthView',
            },
          },
        ],
        description:
          'The regions that calls leave from; `any`: each name that a job gives, all directly.',
      },
    },
    required: [
      'status',
      'version',
      'uptime_seconds',
      'oldest_wait_ms',
      'calls_in_flight',
      'deliveries',
      'jobs',
      'admission',
      'hears_nodes',
      'regions',
    ],
    description: 'Answer to `GET /health`.',
  },
  JobExplanation: {
    type: 'object',
    properties: {
      job_id: {
        type: 'string',
      },
      status: {
        $ref: '#/components/schemas/JobStatus',
      },
      state: {
        $ref: '#/components/schemas/JobState',
      },
      at: {
        type: 'number',
        description: 'When this was so.',
      },
      phase: {
        type: 'string',
        enum: ['waiting', 'running', 'delivering', 'ended'],
        description: '`delivering`: it has ended, and not everybody has been told.',
      },
      message: {
        type: 'string',
        description: 'All of it in a sentence.',
      },
      waits: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/WaitView',
        },
        description:
          'What the next call of the job waits for: what is over first comes first, what nobody knows last.',
      },
      divided: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/DivisionView',
        },
        description:
          'Limits that it waits for and that are divided among servers. Empty: it has them all to itself.',
      },
      position: {
        type: ['number', 'null'],
        description:
          'Calls that go before it at its limits, of a divided one those at the same server; null: it does not wait, or too many do to be counted.',
      },
      ahead: {
        anyOf: [
          {
            $ref: '#/components/schemas/AheadView',
          },
          {
            type: 'null',
          },
        ],
      },
      estimated_start: {
        type: ['number', 'null'],
        description: 'When its next call is sent if nothing else comes; null: that cannot be told.',
      },
      confidence: {
        type: ['string', 'null'],
        enum: ['high', 'medium', 'low', null],
        description: 'How far the estimate is to be trusted; null: there is none.',
      },
      assumptions: {
        type: 'array',
        items: {
          type: 'string',
        },
        description: 'What the estimate takes for granted.',
      },
      running: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/RunningAttemptView',
        },
      },
      deliveries: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/DeliveryView',
        },
        description: 'Deliveries that were not accepted yet, dead ones too.',
      },
      ended_at: {
        type: ['number', 'null'],
      },
      error: {
        type: ['string', 'null'],
        description: 'Why it failed.',
      },
    },
    required: [
      'job_id',
      'status',
      'state',
      'at',
      'phase',
      'message',
      'waits',
      'divided',
      'position',
      'ahead',
      'estimated_start',
      'confidence',
      'assumptions',
      'running',
      'deliveries',
      'ended_at',
      'error',
    ],
    description:
      'Answer to `GET /api/v1/jobs/:id/explain`. Instants are milliseconds since the epoch.',
  },
  JobPage: {
    type: 'object',
    properties: {
      jobs: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/JobSummaryView',
        },
      },
      next_cursor: {
        type: ['string', 'null'],
        description: 'Pass as `cursor` to read on; null at the end.',
      },
    },
    required: ['jobs', 'next_cursor'],
  },
  JobState: {
    type: 'string',
    enum: ['pending', 'scheduled', 'processing', 'completed', 'failed', 'deadletter', 'cancelled'],
  },
  JobStatus: {
    type: 'string',
    enum: ['queued', 'racing', 'processing', 'success', 'failed', 'cancelled'],
    description: 'Words of the cloud dialect, used in `status` of every `/api/v1/jobs` answer.',
  },
  JobSummaryView: {
    type: 'object',
    properties: {
      job_id: {
        type: 'string',
      },
      status: {
        $ref: '#/components/schemas/JobStatus',
      },
      state: {
        $ref: '#/components/schemas/JobState',
      },
      idempotent_key: {
        type: 'string',
      },
      url: {
        type: 'string',
      },
      method: {
        type: 'string',
      },
      tags: {
        type: 'array',
        items: {
          type: 'string',
        },
      },
      created_at: {
        type: 'number',
      },
      ended_at: {
        type: ['number', 'null'],
      },
    },
    required: [
      'job_id',
      'status',
      'state',
      'idempotent_key',
      'url',
      'method',
      'tags',
      'created_at',
      'ended_at',
    ],
  },
  JobView: {
    type: 'object',
    properties: {
      job_id: {
        type: 'string',
      },
      status: {
        $ref: '#/components/schemas/JobStatus',
      },
      state: {
        $ref: '#/components/schemas/JobState',
      },
      idempotent_key: {
        type: 'string',
      },
      idempotency_expires_at: {
        type: 'number',
        description:
          'Until when the key is taken, in milliseconds since the epoch. While the job is live: the latest that it can be.',
      },
      url: {
        type: 'string',
      },
      method: {
        type: 'string',
      },
      tags: {
        type: 'array',
        items: {
          type: 'string',
        },
      },
      metadata: {
        $ref: '#/components/schemas/Metadata',
      },
      created_at: {
        type: 'number',
      },
      started_at: {
        type: ['number', 'null'],
      },
      ended_at: {
        type: ['number', 'null'],
      },
      parent_job_id: {
        type: ['string', 'null'],
      },
      redrive_of: {
        type: 'string',
        description: 'The dead job that this one is a new try of.',
      },
      children: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            job_id: {
              type: 'string',
            },
            edge: {
              type: 'string',
            },
          },
          required: ['job_id', 'edge'],
        },
      },
      attempts: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/AttemptView',
        },
        description:
          'Those that led to a call. The numbers of others, prepared and taken back before it, are not given again.',
      },
      deliveries: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/DeliveryView',
        },
      },
      quorum_reached_at: {
        type: ['number', 'null'],
        description: 'Null until enough voting webhooks have answered 2xx, or when there are none.',
      },
      result: {
        anyOf: [
          {
            $ref: '#/components/schemas/ResultView',
          },
          {
            type: 'null',
          },
        ],
        description: "The same object as the webhook's, once the job has ended.",
      },
      erased: {
        type: 'array',
        items: {
          type: 'string',
          enum: ['bodies', 'headers', 'attempts', 'request'],
        },
        description: 'Parts that are not kept any more; absent: all are.',
      },
    },
    required: [
      'job_id',
      'status',
      'state',
      'idempotent_key',
      'idempotency_expires_at',
      'url',
      'method',
      'tags',
      'metadata',
      'created_at',
      'started_at',
      'ended_at',
      'parent_job_id',
      'children',
      'attempts',
      'deliveries',
      'quorum_reached_at',
      'result',
    ],
    description: 'One job as `GET /api/v1/jobs/:id` shows it.',
  },
  JsonValue: {
    anyOf: [
      {
        type: 'string',
      },
      {
        type: 'number',
      },
      {
        type: 'boolean',
      },
      {
        type: 'null',
      },
      {
        type: 'array',
        items: {
          $ref: '#/components/schemas/JsonValue',
        },
      },
      {
        type: 'object',
        additionalProperties: {
          $ref: '#/components/schemas/JsonValue',
        },
      },
    ],
    description: 'JSON as a value; what users put into metadata.',
  },
  LimitDeletedReply: {
    type: 'object',
    properties: {
      key: {
        type: 'string',
      },
      status: {
        type: 'string',
        const: 'deleted',
      },
    },
    required: ['key', 'status'],
    description: 'Answer to `DELETE /api/v1/limits/:key`.',
  },
  LimitPage: {
    type: 'object',
    properties: {
      limits: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/LimitView',
        },
      },
      next_cursor: {
        type: ['string', 'null'],
        description: 'Pass as `cursor` to read on; null at the end.',
      },
    },
    required: ['limits', 'next_cursor'],
  },
  LimitStateView: {
    type: 'object',
    properties: {
      rate: {
        type: 'number',
        description: 'Units in `per_ms`, as they are in force, over all nodes.',
      },
      tokens: {
        type: 'number',
        description: 'Units that could go at once; of several nodes, at the one that answers.',
      },
      concurrency: {
        type: 'number',
      },
      in_flight: {
        type: 'number',
      },
      waiting: {
        type: 'number',
        description: 'Calls in line that the server holds in memory; there may be more on disk.',
      },
      paused_until: {
        type: ['number', 'null'],
        description: 'End of the pause that is in force; null: there is none, or it has no end.',
      },
      paused_by: {
        type: ['string', 'null'],
        enum: ['hand', 'target', 'circuit', null],
        description:
          'Who has stopped it: somebody by hand, an answer of the target, or that it failed too often; null: nobody.',
      },
      circuit: {
        type: 'string',
        enum: ['closed', 'open', 'probing', 'ramping'],
        description:
          'Whether the destination is taken for down (`open`), tried (`probing`) or coming back (`ramping`).',
      },
      learned_rate: {
        type: ['number', 'null'],
        description: 'Rate that the target announced last; null: none.',
      },
      lowered_at: {
        type: ['number', 'null'],
        description: 'When the rate was last lowered because calls were refused.',
      },
      parts: {
        type: 'number',
        description:
          "Into how many parts a destination's accounts are divided among nodes. Absent: it is whole.",
      },
    },
    required: [
      'rate',
      'tokens',
      'concurrency',
      'in_flight',
      'waiting',
      'paused_until',
      'paused_by',
      'circuit',
      'learned_rate',
      'lowered_at',
    ],
    description: 'Where a limit stands at this moment.',
  },
  LimitView: {
    type: 'object',
    properties: {
      key: {
        type: 'string',
      },
      kind: {
        type: 'string',
        enum: ['custom', 'destination', 'account', 'api_key'],
      },
      rate: {
        type: ['number', 'null'],
      },
      per_ms: {
        type: 'number',
      },
      burst: {
        type: ['number', 'null'],
      },
      concurrency: {
        type: ['number', 'null'],
      },
      adaptive: {
        type: 'boolean',
      },
      floor: {
        type: ['number', 'null'],
      },
      ceiling: {
        type: ['number', 'null'],
      },
      paused: {
        type: 'boolean',
      },
      paused_until: {
        type: ['number', 'null'],
      },
      settle_header: {
        type: ['string', 'null'],
      },
      settle_path: {
        type: ['string', 'null'],
      },
      weight: {
        type: ['number', 'null'],
      },
      version: {
        type: 'string',
        description: 'Another one after every change; the `ETag` without its quotes.',
      },
      created_at: {
        type: 'number',
      },
      updated_at: {
        type: 'number',
      },
      state: {
        anyOf: [
          {
            $ref: '#/components/schemas/LimitStateView',
          },
          {
            type: 'null',
          },
        ],
        description:
          'Null while nothing is going on at this limit, or when that is not known: then `warnings` say why.',
      },
      warnings: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/WarningView',
        },
        description: 'Fields of the request that are not known, and what could not be told.',
      },
    },
    required: [
      'key',
      'kind',
      'rate',
      'per_ms',
      'burst',
      'concurrency',
      'adaptive',
      'floor',
      'ceiling',
      'paused',
      'paused_until',
      'settle_header',
      'settle_path',
      'weight',
      'version',
      'created_at',
      'updated_at',
      'state',
    ],
    description: 'A limit. Null: was not said, so the default holds.',
  },
  LivenessView: {
    type: 'object',
    properties: {
      status: {
        type: 'string',
        const: 'alive',
      },
    },
    required: ['status'],
    description: 'Answer to `GET /live`: whoever gives it is not to be started anew.',
  },
  Metadata: {
    type: 'object',
    additionalProperties: {
      $ref: '#/components/schemas/JsonValue',
    },
  },
  NewApiKeyView: {
    type: 'object',
    properties: {
      id: {
        type: 'string',
      },
      name: {
        type: 'string',
      },
      scopes: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/ApiKeyScope',
        },
      },
      hint: {
        type: ['string', 'null'],
        description:
          'How the key begins, to tell it from others; null for one that the server was started with.',
      },
      created_at: {
        type: 'number',
      },
      expires_at: {
        type: ['number', 'null'],
        description: 'Null: it does not expire.',
      },
      last_used_at: {
        type: ['number', 'null'],
        description: 'To the minute; null: never.',
      },
      previous_expires_at: {
        type: ['number', 'null'],
        description: 'Until when the key before the last rotation is still taken; null: none is.',
      },
      revoked_at: {
        type: ['number', 'null'],
        description: 'Null: it is not revoked.',
      },
      api_key: {
        type: 'string',
      },
    },
    required: [
      'api_key',
      'created_at',
      'expires_at',
      'hint',
      'id',
      'last_used_at',
      'name',
      'previous_expires_at',
      'revoked_at',
      'scopes',
    ],
    description: 'Answer to making and rotating a key: the one time that it is shown.',
  },
  Problem: {
    type: 'object',
    properties: {
      path: {
        type: 'string',
        description:
          'Place in the input, for example `on_success.fallback_job.url` or `webhooks[0].url`.',
      },
      message: {
        type: 'string',
        description: 'What is wrong.',
      },
      expected: {
        type: 'string',
        description: 'What would be right.',
      },
    },
    required: ['path', 'message', 'expected'],
    description: 'One thing that is wrong with the input.',
  },
  ReadinessView: {
    type: 'object',
    properties: {
      status: {
        type: 'string',
        enum: ['ready', 'stopping', 'store_failed'],
        description:
          '`stopping`: it takes no new work; `store_failed`: it cannot, and is about to end.',
      },
    },
    required: ['status'],
    description: 'Answer to `GET /ready`: whether it is to be sent requests.',
  },
  RedactionView: {
    type: 'object',
    properties: {
      response_headers: {
        type: 'array',
        items: {
          type: 'string',
        },
      },
      response_paths: {
        type: 'array',
        items: {
          type: 'string',
        },
      },
      request_headers: {
        type: 'array',
        items: {
          type: 'string',
        },
      },
      request_paths: {
        type: 'array',
        items: {
          type: 'string',
        },
      },
    },
    required: ['response_headers', 'response_paths', 'request_headers', 'request_paths'],
  },
  RedriveDryRun: {
    type: 'object',
    properties: {
      dry_run: {
        type: 'boolean',
        const: true,
      },
      of: {
        type: 'string',
        enum: ['jobs', 'deliveries'],
      },
      count: {
        type: 'number',
        description: 'Dead letters that would be sent again, at most `max_items`.',
      },
      more: {
        type: 'boolean',
        description: 'There are more than `max_items`.',
      },
      by_reason: {
        type: 'object',
        additionalProperties: {
          type: 'number',
        },
      },
      left_out: {
        type: 'object',
        properties: {
          already: {
            type: 'number',
          },
          erased: {
            type: 'number',
          },
          too_late: {
            type: 'number',
          },
          limits_unusable: {
            type: 'number',
          },
          secrets_unusable: {
            type: 'number',
          },
          being_deleted: {
            type: 'number',
          },
          endpoint_disabled: {
            type: 'number',
          },
          gone: {
            type: 'number',
          },
        },
        description: 'Those that fit the filter and would be passed over, by why.',
      },
      by_destination: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            destination: {
              type: 'string',
            },
            count: {
              type: 'number',
            },
          },
          required: ['destination', 'count'],
        },
        description: 'The ten destinations with the most of them.',
      },
    },
    required: ['dry_run', 'of', 'count', 'more', 'by_reason', 'left_out', 'by_destination'],
    description: 'What a dry run finds.',
  },
  RedriveItemPage: {
    type: 'object',
    properties: {
      items: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/RedriveItemView',
        },
      },
      next_cursor: {
        type: ['string', 'null'],
      },
    },
    required: ['items', 'next_cursor'],
  },
  RedriveItemView: {
    type: 'object',
    properties: {
      number: {
        type: 'number',
        description:
          'From 1, in the order in which it came to them. Of what it passes over, the first 100,000 are listed.',
      },
      source_id: {
        type: 'string',
        description: 'The dead job or delivery.',
      },
      result_id: {
        type: ['string', 'null'],
        description: 'The new job; of a delivery its own id.',
      },
      outcome: {
        $ref: '#/components/schemas/RedriveOutcome',
      },
    },
    required: ['number', 'source_id', 'result_id', 'outcome'],
  },
  RedriveOutcome: {
    type: 'string',
    enum: ['sent', 'succeeded', 'failed', 'cancelled', 'already', 'unfit', 'gone'],
  },
  RedrivePage: {
    type: 'object',
    properties: {
      redrives: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/RedriveView',
        },
      },
      next_cursor: {
        type: ['string', 'null'],
      },
    },
    required: ['redrives', 'next_cursor'],
  },
  RedriveState: {
    type: 'string',
    enum: ['canary', 'running', 'completed', 'stopped', 'cancelled'],
    description:
      '`canary`: the first ones are out; `running`: the rest follows. `completed`, `stopped` (too many failed) and `cancelled` are final.',
  },
  RedriveView: {
    type: 'object',
    properties: {
      redrive_id: {
        type: 'string',
      },
      of: {
        type: 'string',
        enum: ['jobs', 'deliveries'],
      },
      state: {
        $ref: '#/components/schemas/RedriveState',
      },
      filter: {
        $ref: '#/components/schemas/DeadLetterFilter',
      },
      reason: {
        type: 'string',
      },
      actor: {
        type: ['string', 'null'],
      },
      rate: {
        type: 'number',
      },
      canary: {
        type: 'number',
      },
      max_failure_percent: {
        type: 'number',
      },
      max_items: {
        type: 'number',
      },
      counts: {
        type: 'object',
        properties: {
          sent: {
            type: 'number',
          },
          succeeded: {
            type: 'number',
          },
          failed: {
            type: 'number',
          },
          cancelled: {
            type: 'number',
          },
          already: {
            type: 'number',
          },
          unfit: {
            type: 'number',
          },
          gone: {
            type: 'number',
          },
        },
        required: ['sent', 'succeeded', 'failed', 'cancelled', 'already', 'unfit', 'gone'],
        description: 'By outcome; `sent` are those that have not ended yet.',
      },
      failure_percent: {
        type: ['number', 'null'],
        description: 'Of those that ended of late, in percent; null: none has ended.',
      },
      created_at: {
        type: 'number',
      },
      ended_at: {
        type: ['number', 'null'],
      },
      duplicate: {
        type: 'boolean',
        const: true,
        description:
          'Answer to a start: the redrive of this Idempotency-Key runs, or ran, already.',
      },
      mismatch: {
        type: 'boolean',
        const: true,
        description: 'And another one was asked for with it.',
      },
    },
    required: [
      'redrive_id',
      'of',
      'state',
      'filter',
      'reason',
      'actor',
      'rate',
      'canary',
      'max_failure_percent',
      'max_items',
      'counts',
      'failure_percent',
      'created_at',
      'ended_at',
    ],
  },
  RegionHealthView: {
    type: 'object',
    properties: {
      name: {
        type: 'string',
      },
      egress: {
        type: 'string',
        enum: ['direct', 'proxy', 'local_address', 'node'],
      },
      state: {
        type: 'string',
        enum: ['up', 'down', 'coming_back'],
      },
      unreachable: {
        type: 'number',
        description: 'Destinations that are not reached from there.',
      },
    },
    required: ['name', 'egress', 'state', 'unreachable'],
  },
  ReplayJobReply: {
    type: 'object',
    properties: {
      job_id: {
        type: 'string',
      },
      redrive_of: {
        type: 'string',
      },
      status: {
        $ref: '#/components/schemas/JobStatus',
      },
      state: {
        type: 'string',
      },
      duplicate: {
        type: 'boolean',
        const: true,
      },
      mismatch: {
        type: 'boolean',
        const: true,
        description: 'The new try that there is already has another method, URL or body.',
      },
    },
    required: ['job_id', 'redrive_of', 'status', 'state'],
    description: 'Answer to a replay: 201, or 200 when the job has been replayed already.',
  },
  ResponseView: {
    type: 'object',
    properties: {
      status_code: {
        type: 'number',
      },
      headers: {
        type: 'object',
        additionalProperties: {
          type: 'string',
        },
      },
      body: {
        type: 'string',
      },
      body_encoding: {
        type: 'string',
        const: 'base64',
      },
      truncated: {
        type: 'boolean',
        const: true,
      },
      region: {
        type: 'string',
        description: 'Only in `responses` of a fan-out.',
      },
    },
    required: ['status_code', 'headers', 'body'],
    description: 'What a target answered, as it stands in deliveries and job views.',
  },
  ResultView: {
    type: 'object',
    properties: {
      status: {
        type: 'string',
        enum: ['success', 'failed'],
      },
      response: {
        $ref: '#/components/schemas/ResponseView',
      },
      responses: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/ResponseView',
        },
      },
      error: {
        type: 'string',
      },
      path: {
        type: 'number',
        description:
          "Which path gave the result: 0 the job's own call, n its n-th fallback; absent when none did.",
      },
      tried_paths: {
        type: 'array',
        items: {
          type: 'number',
        },
        description:
          'Every path that had started, in order; absent when the job had only its own call.',
      },
    },
    required: ['status'],
  },
  RetentionView: {
    type: 'object',
    properties: {
      jobs_ms: {
        type: 'number',
      },
      bodies_ms: {
        type: 'number',
      },
      headers_ms: {
        type: 'number',
      },
      attempts_ms: {
        type: 'number',
      },
      longest_ms: {
        type: 'number',
        description: 'The longest that may be set: how long the server keeps jobs.',
      },
    },
    required: ['jobs_ms', 'bodies_ms', 'headers_ms', 'attempts_ms', 'longest_ms'],
    description: 'How long is kept what, defaults filled in.',
  },
  RuleView: {
    type: 'object',
    properties: {
      method: {
        type: 'string',
        enum: ['PUT', 'PATCH'],
      },
      path: {
        type: 'string',
        description: 'Of the limit, for example `/api/v1/limits/openai-rpm`.',
      },
      field: {
        type: 'string',
        enum: ['rate', 'concurrency', 'paused', 'paused_until'],
      },
      value: {
        type: ['number', 'boolean', 'null'],
        description: 'What is in force now. A rate is by the second.',
      },
    },
    required: ['method', 'path', 'field', 'value'],
    description: 'What to change so that a job waits less: a field of a limit.',
  },
  RunningAttemptView: {
    type: 'object',
    properties: {
      attempt: {
        type: 'number',
      },
      path: {
        type: 'number',
      },
      region: {
        type: 'string',
      },
      started_at: {
        type: ['number', 'null'],
        description: 'When its first byte went out; null while its connection is being opened.',
      },
    },
    required: ['attempt', 'path', 'region', 'started_at'],
    description: 'An attempt that is under way.',
  },
  SecretDeletedReply: {
    type: 'object',
    properties: {
      name: {
        type: 'string',
      },
      status: {
        type: 'string',
        const: 'deleted',
      },
    },
    required: ['name', 'status'],
    description: 'Answer to `DELETE /api/v1/secrets/:name`.',
  },
  SecretList: {
    type: 'object',
    properties: {
      secrets: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/SecretView',
        },
        description: 'By name.',
      },
    },
    required: ['secrets'],
  },
  SecretView: {
    type: 'object',
    properties: {
      name: {
        type: 'string',
      },
      origins: {
        type: 'array',
        items: {
          type: 'string',
        },
      },
      created_at: {
        type: 'number',
      },
      updated_at: {
        type: 'number',
      },
    },
    required: ['name', 'origins', 'created_at', 'updated_at'],
    description:
      'A secret as it is shown: never its value. Moments are milliseconds since the epoch.',
  },
  SigningKeysView: {
    type: 'object',
    properties: {
      public_key: {
        type: 'string',
        description: '`whpk_` and 32 bytes in base64.',
      },
      previous_public_key: {
        type: ['string', 'null'],
        description: 'Signs on after a rotation, until the next; null: there is none.',
      },
    },
    required: ['public_key', 'previous_public_key'],
    description:
      "The organization's ed25519 keys, as `standardWebhooksEd25519({ publicKeys })` takes them.",
  },
  SubmitReply: {
    type: 'object',
    properties: {
      job_id: {
        type: 'string',
      },
      status: {
        $ref: '#/components/schemas/JobStatus',
      },
      state: {
        $ref: '#/components/schemas/JobState',
      },
      idempotent_key: {
        type: 'string',
      },
      queued_at: {
        type: 'number',
        description: 'Milliseconds since the epoch.',
      },
      idempotency_expires_at: {
        type: 'number',
        description:
          'Until when the key is taken, in milliseconds since the epoch. While the job is live: the latest that it can be.',
      },
      duplicate: {
        type: 'boolean',
        const: true,
      },
      mismatch: {
        type: 'boolean',
        const: true,
        description: 'A duplicate key came with another method, URL or body.',
      },
      replaced_job_id: {
        type: 'string',
        description: "The job that was cancelled for this one, with `on_conflict: 'replace'`.",
      },
      warnings: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/WarningView',
        },
        description: 'Unknown or unused fields of the request, each with its path.',
      },
    },
    required: [
      'job_id',
      'status',
      'state',
      'idempotent_key',
      'queued_at',
      'idempotency_expires_at',
    ],
    description: 'Answer to a submit: 201 when new, 200 when a duplicate.',
  },
  WaitReason: {
    type: 'string',
    enum: [
      'not_before',
      'retry',
      'region',
      'allotment',
      'paused_by_hand',
      'paused_by_target',
      'circuit',
      'concurrency',
      'rate',
      'turn',
    ],
    description: 'Why a job waits.',
  },
  WaitView: {
    type: 'object',
    properties: {
      reason: {
        $ref: '#/components/schemas/WaitReason',
      },
      key: {
        type: ['string', 'null'],
        description:
          'Key of the limit at which it waits: `destination:<origin>`, `account:<user_id>`, a name; null: at none.',
      },
      until: {
        type: ['number', 'null'],
        description: 'When that is over, in milliseconds since the epoch; null: that is not known.',
      },
      message: {
        type: 'string',
      },
      change: {
        anyOf: [
          {
            $ref: '#/components/schemas/RuleView',
          },
          {
            type: 'null',
          },
        ],
        description: 'Null: no limit is to blame.',
      },
    },
    required: ['reason', 'key', 'until', 'message', 'change'],
    description: 'One thing that a job waits for.',
  },
  WarningView: {
    type: 'object',
    properties: {
      path: {
        type: 'string',
      },
      message: {
        type: 'string',
      },
    },
    required: ['path', 'message'],
  },
  WebhookEndpointList: {
    type: 'object',
    properties: {
      endpoints: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/WebhookEndpointView',
        },
      },
    },
    required: ['endpoints'],
    description: 'Endpoints that were disabled at some time.',
  },
  WebhookEndpointView: {
    type: 'object',
    properties: {
      endpoint_id: {
        type: 'string',
      },
      url: {
        type: 'string',
      },
      enabled: {
        type: 'boolean',
      },
      disabled_by: {
        type: ['string', 'null'],
        enum: ['gone', 'owner', null],
        description: 'By a 410 of its own, or by its owner; null: it is enabled again.',
      },
      disabled_at: {
        type: ['number', 'null'],
        description: 'Milliseconds since the epoch.',
      },
    },
    required: ['endpoint_id', 'url', 'enabled', 'disabled_by', 'disabled_at'],
    description: 'An endpoint of webhooks that was disabled at some time.',
  },
  WebhookSecretsView: {
    type: 'object',
    properties: {
      customer_id: {
        type: 'string',
      },
      primary_secret: {
        type: 'string',
      },
      secondary_secret: {
        type: ['string', 'null'],
      },
      has_secondary: {
        type: 'boolean',
      },
    },
    required: ['customer_id', 'primary_secret', 'secondary_secret', 'has_secondary'],
    description: "The organization's signing secrets, masked.",
  },
  WireError: {
    type: 'object',
    properties: {
      error: {
        $ref: '#/components/schemas/ErrorCode',
      },
      message: {
        type: 'string',
      },
      problems: {
        type: 'array',
        items: {
          $ref: '#/components/schemas/Problem',
        },
      },
      request_id: {
        type: 'string',
      },
      retry_after: {
        type: 'number',
        description: 'Seconds, with 429 and 503.',
      },
      retry_at: {
        type: 'number',
        description: 'Milliseconds since the epoch, the same instant as `retry_after`.',
      },
    },
    required: ['error', 'message', 'request_id'],
    description: 'Body of every error answer.',
  },
};
