import { DEFAULTS } from '@ezthrottle/core/protocol';
import type { BodySpec, JobSpec } from '../job/job-spec.ts';
import type { Id, IdempotencyClaim } from '../ports/operation.ts';
import { decodeBase64, type DigestContext, digestOfParts } from './digest.ts';

/** Keys of the native and cloud dialects are shared by everybody in an organization. */
export const ORGANIZATION_SCOPE = 'organization';

/** Before the digest in a derived key: says how it was made, so that the way may change. */
const HASH_PREFIX = 'h1_';

export interface IdempotencyContext extends DigestContext {
  /** Among whom the key is unique within the organization. Default `ORGANIZATION_SCOPE`. */
  readonly scope?: string;
  /** How long the key stays taken after a job that does not say has ended, in milliseconds. Default 24 h. */
  readonly windowMs?: number;
  /** Whose job it is, for jobs that ask for `account` scope; without it these have their user's. */
  readonly apiKey?: Id;
}

/**
 * The key under which a job is taken once. Without one of its own: a digest over method, URL, decoded
 * body and organization. Headers do not count, since tokens and dates in them change by themselves.
 */
export function idempotencyClaim(
  spec: JobSpec,
  organization: Id,
  context: IdempotencyContext,
): IdempotencyClaim {
  const fingerprint = fingerprintOf(spec, organization, context);
  return claim(spec, spec.idempotentKey ?? HASH_PREFIX + fingerprint, fingerprint, context);
}

/**
 * The key of a spawned job: its own if it has one, else derived from its parent. Never a digest of its
 * payload: two parents may well spawn the same call.
 */
export function childIdempotencyClaim(
  spec: JobSpec,
  organization: Id,
  parent: { readonly id: Id; readonly edge: string },
  context: IdempotencyContext,
): IdempotencyClaim {
  const fingerprint = fingerprintOf(spec, organization, context);
  return claim(spec, spec.idempotentKey ?? `${parent.id}/${parent.edge}`, fingerprint, context);
}

function claim(
  spec: JobSpec,
  key: string,
  fingerprint: string,
  context: IdempotencyContext,
): IdempotencyClaim {
  const isOwn = context.scope === undefined && spec.idempotencyScope === 'account';
  return {
    scope: isOwn ? accountScope(spec, context) : (context.scope ?? ORGANIZATION_SCOPE),
    key,
    fingerprint,
    windowMs: spec.idempotencyWindowMs ?? context.windowMs ?? DEFAULTS.idempotencyWindowMs,
  };
}

/** One account's own: no other scope can be spelled like it. */
function accountScope({ userId }: JobSpec, { apiKey }: IdempotencyContext): string {
  return `account ${JSON.stringify(userId === '' ? [apiKey ?? ''] : [apiKey ?? '', userId])}`;
}

/** Tells a payload from another one. */
export function fingerprintOf(spec: JobSpec, organization: Id, context: DigestContext): string {
  const [{ method, url, body }] = spec.paths;
  const parts = [method, url, bodyBytes(body), organization];
  return digestOfParts('ezthrottle/idempotency/1', parts, context);
}

function bodyBytes(body: BodySpec | null): string | Uint8Array {
  if (body === null) return '';
  return body.encoding === 'base64' ? decodeBase64(body.data) : body.data;
}
