/**
 * Bounds that both sides enforce; `spec/limits.md` explains each. A server may be configured otherwise.
 * Read as `LIMITS.treeSteps` and so on: each a constant of its own, so that bundles keep what they use.
 */

/** Bytes of one HTTP request body to the server. */
export const requestBytes = 1_048_576;
/** Bytes of a target's answer that are stored; the rest is cut and marked `truncated`. */
export const responseBytes = 1_048_576;
/** Bytes a receiver accepts. */
export const receiverBytes = 8_388_608;
/** Levels of steps under one root. */
export const treeDepth = 32;
/** Steps in one tree. */
export const treeSteps = 1_000;
/** Bytes of metadata as JSON, per job. */
export const metadataBytes = 65_536;
/** Levels of objects and lists inside metadata. */
export const metadataDepth = 64;
export const webhooks = 16;
export const regions = 16;
export const tags = 32;
export const tagLength = 128;
export const idempotentKeyLength = 512;
export const userIdLength = 256;
export const regionLength = 64;
/** From minus this to this. */
export const priority = 100;
/** Highest `max_retries` and `max_reroutes`. */
export const retries = 100;
export const urlLength = 8_192;
export const headers = 100;
export const headerBytes = 32_768;
/** Statuses in one list (`retry_codes`, `reroute_codes`, `codes` of a trigger). */
export const statusCodes = 100;
/** Limits that one call counts against, beside its destination. */
export const limitKeys = 16;
export const limitKeyLength = 128;
/** Highest cost of one call at one limit. */
export const limitCost = 1_000_000_000;
/** Characters of `settle_path`. */
export const settlePathLength = 256;
/** Jobs in one batch submit. */
export const batchJobs = 1_000;
