/** How the values of a column stand in an archive: an `id` is a UUID with dashes. */
export type ColumnKind = 'integer' | 'text' | 'flag' | 'id';

export interface ArchiveColumn {
  readonly kind: ColumnKind;
  /** Null is a value of it. */
  readonly isOptional: boolean;
}

export type ArchiveColumns = Readonly<Record<string, ArchiveColumn>>;

/** A table as both stores hold it, whatever their rows look like inside. */
export interface ArchiveTable {
  readonly name: string;
  /** Columns by which its rows are in order; none: they are in the order of their arrival. */
  readonly key: readonly string[];
  readonly columns: ArchiveColumns;
  /** Rows that hang on a row, by their kind. */
  readonly parts: Readonly<Record<string, ArchiveColumns>>;
}

/** By column. Every column is there. */
export type ArchiveValues = Readonly<Record<string, null | number | string | boolean>>;

export interface ArchiveRow {
  readonly values: ArchiveValues;
  /** A list for each kind, empty where there are none. */
  readonly parts: Readonly<Record<string, readonly ArchiveValues[]>>;
}

const integer = column('integer');
const text = column('text');
const flag = column('flag');
const id = column('id');

/** What hangs on a job. */
const JOB_PARTS = {
  work: { leg: integer, destination: integer, is_ready: flag, ready_at: integer, rank: integer },
  attempts: {
    attempt: integer,
    leg: integer,
    path: integer,
    region: text,
    url: text,
    armed_at: integer,
    outcome: integer,
    status_code: optional(integer),
    error: optional(text),
    started_at: optional(integer),
    ended_at: integer,
    retry_at: optional(integer),
    response_status: optional(integer),
    truncated: optional(flag),
    is_base64: optional(flag),
    headers: optional(text),
    body: optional(text),
  },
  deliveries: {
    webhook: integer,
    public_id: id,
    endpoint_id: text,
    url: text,
    state: integer,
    has_quorum_vote: flag,
    receives_continuation: flag,
    attempts: integer,
    created_at: integer,
    next_attempt_at: optional(integer),
    status_code: optional(integer),
    error: optional(text),
    started_at: optional(integer),
    ended_at: optional(integer),
    dead_reason: optional(integer),
    replayed_at: optional(integer),
    replayed_after: optional(integer),
  },
  // Attempts of deliveries before the latest, which the delivery tells itself.
  delivery_attempts: {
    webhook: integer,
    attempt: integer,
    status_code: optional(integer),
    error: optional(text),
    started_at: integer,
    ended_at: integer,
  },
} satisfies ArchiveTable['parts'];

/**
 * All that is kept, in an order in which each table names only rows of those before it. What follows from
 * these is left out: counts, slots, the rows by which tags and keys are found. Words of closed lists stand as
 * their numbers, which never change.
 */
export const ARCHIVE_TABLES: readonly ArchiveTable[] = [
  table('organizations', 'id', { id: integer, public_id: id, name: text, created_at: integer }),
  table('api_keys', 'id', {
    id: integer,
    public_id: id,
    organization: integer,
    name: text,
    hash: text,
    dialect: text,
    created_at: integer,
    expires_at: optional(integer),
    scopes: integer,
    hint: optional(text),
    previous_hash: optional(text),
    previous_expires_at: optional(integer),
    last_used_at: optional(integer),
    revoked_at: optional(integer),
  }),
  table('accounts', 'id', { id: integer, api_key: integer, user_id: text }),
  table('destinations', 'id', { id: integer, organization: integer, origin: text }),
  table('pace', 'destination', { destination: integer, data: text }),
  table('limits', 'organization key', {
    organization: integer,
    key: text,
    data: text,
    version: integer,
    created_at: integer,
    updated_at: integer,
  }),
  table('webhook_secrets', 'organization', {
    organization: integer,
    ...sealed('primary', text),
    ...sealed('secondary', optional(text)),
    updated_at: integer,
  }),
  table('signing_keys', 'id', {
    id: integer,
    organization: integer,
    public_key: text,
    ...sealed('seed', text),
    created_at: integer,
  }),
  table('secrets', 'organization name', {
    organization: integer,
    name: text,
    ...sealed('value', text),
    origins: text,
    created_at: integer,
    updated_at: integer,
  }),
  table('documents', 'organization kind name', {
    organization: integer,
    kind: text,
    name: text,
    data: text,
  }),
  table('webhook_endpoints', 'organization endpoint_id', {
    organization: integer,
    endpoint_id: text,
    url: text,
    disabled_by: optional(integer),
    disabled_at: optional(integer),
  }),
  table('audit_log', 'id', {
    id: integer,
    public_id: id,
    organization: integer,
    at: integer,
    action: text,
    target: optional(text),
    api_key: optional(id),
    actor: optional(text),
    reason: optional(text),
    before: optional(text),
    after: optional(text),
  }),
  // A record for each job, with all that hangs on it, in the order of arrival.
  table(
    'jobs',
    '',
    {
      public_id: id,
      organization: integer,
      account: integer,
      state: integer,
      created_at: integer,
      started_at: optional(integer),
      racing: flag,
      quorum_needed: integer,
      window_ms: integer,
      fingerprint: text,
      idempotent_key: optional(text),
      scope: optional(text),
      is_key_holder: flag,
      parent: optional(id),
      edge: optional(text),
      tags: optional(text),
      plan_version: integer,
      method: text,
      url: text,
      spec: text,
      body: optional(text),
      // Of one that has ended.
      ended_at: optional(integer),
      end_json: optional(text),
      // Of one that lives.
      version: optional(integer),
      wake_at: optional(integer),
      attempts_given: optional(integer),
      armed: optional(text),
      run: optional(text),
    },
    JOB_PARTS,
  ),
  table('redrives', 'id', {
    id: integer,
    public_id: id,
    organization: integer,
    data: text,
    version: integer,
    created_at: integer,
    ended_at: optional(integer),
  }),
  table('redrive_items', 'redrive number', {
    redrive: integer,
    number: integer,
    source: id,
    result: optional(id),
    outcome: integer,
  }),
];

/** Where master keys are named that something was sealed with. */
export const SEALING_KEY_COLUMNS: readonly (readonly [table: string, column: string])[] = [
  ['webhook_secrets', 'primary_key_id'],
  ['webhook_secrets', 'secondary_key_id'],
  ['signing_keys', 'seed_key_id'],
  ['secrets', 'value_key_id'],
];

function column(kind: ColumnKind): ArchiveColumn {
  return { kind, isOptional: false };
}

function optional({ kind }: ArchiveColumn): ArchiveColumn {
  return { kind, isOptional: true };
}

function sealed(prefix: string, part: ArchiveColumn): ArchiveColumns {
  return {
    [`${prefix}_key_id`]: part,
    [`${prefix}_nonce`]: part,
    [`${prefix}_ciphertext`]: part,
  };
}

function table(
  name: string,
  key: string,
  columns: ArchiveColumns,
  parts: ArchiveTable['parts'] = {},
): ArchiveTable {
  return { name, key: key === '' ? [] : key.split(' '), columns, parts };
}
