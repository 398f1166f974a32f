import type { BodySpec, JobSpec, PathSpec } from '@ezthrottle/engine';
import { type Elide, eliding } from './elided.ts';

/** A spec as its row holds it. */
export interface StoredSpec {
  readonly method: string;
  readonly url: string;
  /** JSON of the rest. */
  readonly spec: string;
  /** The body of the job's own call, as it came; null: none. */
  readonly body: string | null;
}

// These say what a stored spec leaves out, so they never change: other defaults of new jobs are only
// written down more often. They are not the defaults of the rules.
const USUAL_PATH = {
  headers: {},
  body: null,
  timeoutMs: 30_000,
  regions: [],
  regionPolicy: 'fallback',
  executionMode: 'race',
  retry: {
    maxRetries: 3,
    maxReroutes: 2,
    retryCodes: [429, 503],
    rerouteCodes: [500, 502, 504],
  },
  trigger: null,
  onSuccess: null,
  onFailure: null,
} as const;
const USUAL_SPEC = {
  planVersion: 1,
  metadata: {},
  tags: [],
  webhooks: [],
  webhookQuorum: 1,
  onFailureTimeoutMs: null,
  notBefore: null,
  idempotentKey: null,
  strictIdempotency: false,
  sendIdempotencyKey: false,
  userId: '',
  priority: 0,
  repeat: 'allowed',
} as const;
const USUAL_WEBHOOK = { regions: [], hasQuorumVote: true, receivesContinuation: true } as const;

const elidedSpec = eliding(USUAL_SPEC, ['paths', 'webhooks']);
const elidedWebhook = eliding(USUAL_WEBHOOK);
/** Of the job's own call: method, URL and body stand in columns. */
const elidedCall = eliding(USUAL_PATH, ['origin', 'method', 'url', 'body']);
const elidedFallback = eliding(USUAL_PATH, ['origin']);

/** Leaves out what has its usual value or stands in a column of its own. */
export function storedSpec(spec: JobSpec): StoredSpec {
  const { webhooks, paths } = spec;
  const [{ method, url, body }, ...fallbacks] = paths;
  const stored = elidedSpec(spec);
  if (webhooks.length > 0) stored['webhooks'] = webhooks.map(elidedWebhook);
  const path = storedPath(paths[0], elidedCall);
  if (body !== null) path['bodyEncoding'] = body.encoding;
  stored['path'] = path;
  if (fallbacks.length > 0)
    stored['fallbacks'] = fallbacks.map((each) => storedPath(each, elidedFallback));
  return { method, url, spec: JSON.stringify(stored), body: body === null ? null : body.data };
}

/** The spec as it was; rows that an older server wrote hold it whole. */
export function restoredSpec({ method, url, spec, body }: StoredSpec): JobSpec {
  const stored: {
    readonly paths?: JobSpec['paths'];
    readonly path: Partial<PathSpec> & { readonly bodyEncoding?: BodySpec['encoding'] };
    readonly fallbacks?: readonly (Partial<PathSpec> & Pick<PathSpec, 'url' | 'method'>)[];
    readonly webhooks?: readonly { readonly url: string }[];
  } = JSON.parse(spec);
  const { paths, path, fallbacks = [], webhooks = [], ...rest } = stored;
  const restored = {
    ...USUAL_SPEC,
    ...rest,
    webhooks: webhooks.map((webhook) => ({ ...USUAL_WEBHOOK, ...webhook })),
  };
  if (paths !== undefined) return { ...restored, paths };
  const { bodyEncoding, ...others } = path;
  const primary = restoredPath({ ...others, method, url });
  return {
    ...restored,
    paths: [
      bodyEncoding === undefined || body === null
        ? primary
        : { ...primary, body: { encoding: bodyEncoding, data: body } },
      ...fallbacks.map(restoredPath),
    ],
  };
}

function storedPath(path: PathSpec, elided: Elide): Record<string, unknown> {
  const stored = elided(path);
  if (path.origin !== beginningOf(path.url)) stored['origin'] = path.origin;
  return stored;
}

function restoredPath(stored: Partial<PathSpec> & Pick<PathSpec, 'url' | 'method'>): PathSpec {
  return { ...USUAL_PATH, origin: beginningOf(stored.url), ...stored };
}

/** Scheme and authority as they are written; the origin may be spelled otherwise. */
function beginningOf(url: string): string {
  return url.slice(0, url.indexOf('/', url.indexOf('//') + 2));
}
