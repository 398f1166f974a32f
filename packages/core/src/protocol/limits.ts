/** Bounds that both sides enforce; `spec/limits.md` explains each. A server may be configured otherwise. */
export const LIMITS = {
  /** Bytes of one HTTP request body to the server. */
  requestBytes: 1_048_576,
  /** Bytes of a target's answer that are stored; the rest is cut and marked `truncated`. */
  responseBytes: 1_048_576,
  /** Bytes a receiver accepts. */
  receiverBytes: 8_388_608,
  /** Levels of steps under one root. */
  treeDepth: 32,
  /** Steps in one tree. */
  treeSteps: 1_000,
  /** Bytes of metadata as JSON, per job. */
  metadataBytes: 65_536,
  /** Levels of objects and lists inside metadata. */
  metadataDepth: 64,
  webhooks: 16,
  regions: 16,
  tags: 32,
  tagLength: 128,
  idempotentKeyLength: 512,
  userIdLength: 256,
  regionLength: 64,
  /** From minus this to this. */
  priority: 100,
  /** Highest `max_retries` and `max_reroutes`. */
  retries: 100,
  urlLength: 8_192,
  headers: 100,
  headerBytes: 32_768,
  /** Statuses in one list (`retry_codes`, `reroute_codes`, `codes` of a trigger). */
  statusCodes: 100,
  /** Limits that one call counts against, beside its destination. */
  limitKeys: 16,
  limitKeyLength: 128,
  /** Highest cost of one call at one limit. */
  limitCost: 1_000_000_000,
  /** Characters of `settle_path`. */
  settlePathLength: 256,
  /** Jobs in one batch submit. */
  batchJobs: 1_000,
} as const;

/** Defaults of one attempt and of its retries. */
export const DEFAULTS = {
  attemptTimeoutMs: 30_000,
  maxAttemptTimeoutMs: 900_000,
  maxRetries: 3,
  maxReroutes: 2,
  retryCodes: [429, 503],
  rerouteCodes: [500, 502, 504],
  /** A job that has not ended by then fails. */
  deadlineMs: 86_400_000,
  /** How long a key stays taken after its job has ended. */
  idempotencyWindowMs: 86_400_000,
  /** Second calls of hedged jobs, in percent of all calls to their target. */
  hedgeBudgetPercent: 10,
  /** Waits before each delivery attempt, in milliseconds; then hourly until `deliveryGiveUpMs`. */
  deliveryDelaysMs: [0, 1_000, 5_000, 30_000, 60_000, 300_000, 900_000, 3_600_000],
  deliveryGiveUpMs: 86_400_000,
  deliveryTimeoutMs: 30_000,
} as const;
