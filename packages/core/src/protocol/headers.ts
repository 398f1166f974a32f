/** Header names, each written once. HTTP compares them without regard to case. */
export const HEADERS = {
  signature: 'X-EZThrottle-Signature',
  deliveryId: 'X-EZThrottle-Delivery',
  attempt: 'X-EZThrottle-Attempt',
  jobId: 'X-EZThrottle-Job-Id',
  region: 'X-EZThrottle-Region',
  idempotencyKey: 'Idempotency-Key',
  requestId: 'X-Request-Id',
  retryAfter: 'Retry-After',
  apiKeyAlias: 'X-API-Key',
  /** Who acts, for the audit log. Percent-encoded where it is not ASCII; so is the reason. */
  actor: 'X-EZThrottle-Actor',
  reason: 'X-EZThrottle-Reason',
} as const;

/** Prefixes of the headers by which a target sets its pace; an earlier one wins, header by header. */
export const PACE_PREFIXES = ['x-aqueduct-', 'x-ezthrottle-', 'x-aquifer-'] as const;

/** Headers of the Standard Webhooks specification. */
export const STANDARD_WEBHOOK_HEADERS = {
  id: 'webhook-id',
  timestamp: 'webhook-timestamp',
  signature: 'webhook-signature',
} as const;

/** Headers of a sender that speaks L8. */
export const L8_HEADERS = {
  id: 'X-L8-Delivery-Id',
  timestamp: 'X-L8-Timestamp',
  signature: 'X-L8-Signature',
} as const;
