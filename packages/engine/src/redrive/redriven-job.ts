import type { JobEdit, JobRequest } from '@ezthrottle/core/protocol';
import { fingerprintOf } from '../admit/idempotency.ts';
import type { DigestContext } from '../admit/digest.ts';
import { referencedSecrets } from '../admit/secret-references.ts';
import { toJobSpec } from '../admit/to-job-spec.ts';
import type { JobSpec, PathSpec } from '../job/job-spec.ts';
import type { Id, IdempotencyClaim } from '../ports/operation.ts';
import type { JobRecord } from '../ports/records.ts';

/** The edit as a job of its own, so that it is held to what every job is held to. */
export function editAsJob(edit: JobEdit, url: string): JobRequest {
  const { execute_before, headers, ...call } = edit;
  const kept = Object.entries(headers ?? {}).filter(([, value]) => value !== '');
  return {
    url,
    ...call,
    ...(headers !== undefined && { headers: Object.fromEntries(kept) }),
    ...(execute_before !== undefined && execute_before > 0 && { execute_before }),
  };
}

/**
 * A new try of a dead job: the same, but for what was edited.
 *
 * @param edit Checked as a job by `editAsJob`.
 * @param redrive The redrive that sends it; null: none does.
 */
export function redrivenSpec(
  dead: Pick<JobRecord, 'id' | 'spec'>,
  edit: JobEdit,
  redrive: Id | null,
): JobSpec {
  const { executeBefore, redrive: _, onConflict: __, ...spec } = dead.spec;
  const [call, ...fallbacks] = spec.paths;
  const edited = toJobSpec(editAsJob(edit, edit.url ?? call.url), spec.userId);
  const last = edit.execute_before === undefined ? executeBefore : edited.executeBefore;
  const webhooks = edit.webhooks === undefined ? spec.webhooks : edited.webhooks;
  const votes = webhooks.filter(({ hasQuorumVote }) => hasQuorumVote).length;
  return {
    ...spec,
    paths: [editedCall(call, edit, edited.paths[0]), ...fallbacks],
    webhooks,
    webhookQuorum: Math.min(spec.webhookQuorum, votes),
    // Its moment was the first job's.
    notBefore: null,
    strictIdempotency: false,
    ...(last !== undefined && { executeBefore: last }),
    redriveOf: dead.id,
    ...(redrive !== null && { redrive }),
  };
}

function editedCall(call: PathSpec, edit: JobEdit, edited: PathSpec): PathSpec {
  const { secrets: _former, ...plain } = call;
  const changed: PathSpec = {
    ...plain,
    ...(edit.url !== undefined && { url: edited.url, origin: edited.origin }),
    ...(edit.method !== undefined && { method: edited.method }),
    ...(edit.headers !== undefined && { headers: mergedHeaders(call.headers, edit.headers) }),
    ...(edit.body !== undefined && { body: edited.body }),
  };
  const { body } = changed;
  const secrets = referencedSecrets({
    ...changed,
    body: body?.data,
    body_encoding: body?.encoding,
  });
  return secrets === null ? changed : { ...changed, secrets };
}

/** Names are compared without regard to case. An empty value takes a header away. */
function mergedHeaders(
  headers: PathSpec['headers'],
  changes: Readonly<Record<string, string>>,
): PathSpec['headers'] {
  const changed = new Set(Object.keys(changes).map((name) => name.toLowerCase()));
  const kept = Object.entries(headers).filter(([name]) => !changed.has(name.toLowerCase()));
  const put = Object.entries(changes).filter(([, value]) => value !== '');
  return Object.fromEntries([...kept, ...put]);
}

/**
 * The key of a new try: the dead job's own, so that targets, receivers and continuations know it, taken
 * once among the new tries of this very job. So a dead job is sent again once, whoever asks how often.
 *
 * @param again Tells a further try from the first one; null: the first.
 * @param windowMs How long the key stays taken after the new try has ended.
 */
export function redriveClaim(
  dead: Pick<JobRecord, 'id' | 'organization' | 'idempotentKey'>,
  spec: JobSpec,
  context: DigestContext & { readonly again: string | null; readonly windowMs: number },
): IdempotencyClaim {
  return {
    scope: context.again === null ? `redrive ${dead.id}` : `redrive ${dead.id} ${context.again}`,
    key: dead.idempotentKey,
    fingerprint: fingerprintOf(spec, dead.organization, context),
    windowMs: context.windowMs,
  };
}
