import type { ResponseHeaders } from './pace-headers.ts';

/** One quota as a target tells it; what it does not say is null. */
export interface Quota {
  /** Whether it counts requests, and not tokens or bytes. */
  readonly countsRequests: boolean;
  readonly limit: number | null;
  readonly remaining: number | null;
  /** Milliseconds until there is more. */
  readonly resetMs: number | null;
  /** Length of the window that `limit` is for, in milliseconds. */
  readonly windowMs: number | null;
}

const NUMBER = /^\d{1,15}(?:\.\d{1,9})?$/;
const DURATION =
  /^(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?$/;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;
const HTTP_DATE = /^[A-Z][a-z]{2,8},? [\w :-]{10,24} GMT$/;
/** Quotas and policies of one answer that are looked at. */
const MAX_ITEMS = 32;
const UNITS = ['requests', 'tokens', 'input-tokens', 'output-tokens', 'project-tokens'] as const;

/**
 * The quotas of an answer: the `RateLimit` fields of the IETF drafts, else the provider's own, else
 * `X-RateLimit-*`. All of the first dialect that says anything.
 *
 * @param wallNow Milliseconds since the epoch, for dates.
 */
export function quotasOf(headers: ResponseHeaders, wallNow: number): readonly Quota[] {
  if (!mayTellQuotas(headers)) return [];
  const dialects = [standard, separateFields, byUnit, shopify, hubspot, common];
  for (const dialect of dialects) {
    const quotas = dialect(headers, wallNow);
    if (quotas.length > 0) return quotas;
  }
  return [];
}

/** Every name of every dialect has this in it. Most answers tell nothing, and there are many names to ask for. */
function mayTellQuotas(headers: ResponseHeaders): boolean {
  return Object.keys(headers).some((name) => name.includes('limit'));
}

/** A moment or a time as targets write it, in milliseconds from now; null: neither. */
function resetMs(text: string | undefined, wallNow: number): number | null {
  const value = text?.trim() ?? '';
  if (NUMBER.test(value)) {
    const number = Number(value);
    // Nobody waits for thirty years: a number this large can only be a time of day.
    if (number >= 1e12) return Math.max(0, number - wallNow);
    if (number >= 1e9) return Math.max(0, number * 1_000 - wallNow);
    return number * 1_000;
  }
  if (DATE_TIME.test(value) || HTTP_DATE.test(value)) {
    const at = Date.parse(value);
    return Number.isNaN(at) ? null : Math.max(0, at - wallNow);
  }
  const [whole, hours, minutes, seconds, milliseconds] = DURATION.exec(value) ?? [];
  if (whole === undefined || whole === '') return null;
  const part = (digits: string | undefined): number => Number(digits ?? 0);
  return (
    part(hours) * 3_600_000 + part(minutes) * 60_000 + part(seconds) * 1_000 + part(milliseconds)
  );
}

/** The same of a line into which several fields were merged: the last of their ends. */
function farthestMs(text: string | undefined, wallNow: number): number | null {
  const whole = resetMs(text, wallNow);
  if (whole !== null || text === undefined) return whole;
  const ends = text.split(',', MAX_ITEMS).map((each) => resetMs(each, wallNow));
  return ends.includes(null) ? null : Math.max(...ends.map((end) => end ?? 0));
}

/** `RateLimit` with `RateLimit-Policy`: lists (`"name";r=1;t=2`), or the older `limit=…, remaining=…`. */
function standard(headers: ResponseHeaders, wallNow: number): readonly Quota[] {
  const state = headers['ratelimit'];
  const policies = itemsOf(headers['ratelimit-policy']).map(policyOf);
  if (state === undefined) {
    return hasSeparateFields(headers) ? [] : policies.map((policy) => policyQuota(policy));
  }
  if (/(?:^|[,;\s])(?:limit|remaining|reset)\s*=/i.test(state)) {
    const [only] = itemsOf(`"";${state.replaceAll(',', ';')}`);
    const fields = only?.parameters ?? new Map<string, string>();
    const [policy] = policies;
    return [
      {
        countsRequests: true,
        limit: numberOf(fields.get('limit')),
        remaining: numberOf(fields.get('remaining')),
        resetMs: resetMs(fields.get('reset'), wallNow),
        windowMs: policy?.windowMs ?? null,
      },
    ];
  }
  const told = itemsOf(state).map(({ name, parameters }): Quota => {
    const policy = policies.find((one) => one.name === name);
    return {
      ...policyQuota(policy),
      remaining: numberOf(parameters.get('r')),
      resetMs: resetMs(parameters.get('t'), wallNow),
    };
  });
  const names = new Set(itemsOf(state).map(({ name }) => name));
  const others = policies.filter(({ name }) => !names.has(name));
  return [...told, ...others.map((policy) => policyQuota(policy))];
}

function separateFields(headers: ResponseHeaders, wallNow: number): readonly Quota[] {
  if (!hasSeparateFields(headers)) return [];
  // `100, 100;w=10, 1000;w=3600`: the first is the closest to its end, the others are the policies.
  const [first, ...listed] = itemsOf(headers['ratelimit-limit']);
  const given = itemsOf(headers['ratelimit-policy']);
  const policies = (given.length > 0 ? given : listed).map(policyOf);
  const limit = numberOf(first?.name);
  const own = policies.find((policy) => policy.limit === limit);
  return [
    {
      countsRequests: true,
      limit,
      remaining: numberOf(headers['ratelimit-remaining']),
      resetMs: resetMs(headers['ratelimit-reset'], wallNow),
      windowMs: own?.windowMs ?? null,
    },
    ...policies.filter((policy) => policy !== own).map((policy) => policyQuota(policy)),
  ];
}

/** OpenAI (`x-ratelimit-remaining-tokens`), Linear (`x-ratelimit-requests-remaining`), Anthropic. */
function byUnit(headers: ResponseHeaders, wallNow: number): readonly Quota[] {
  return UNITS.flatMap((unit): Quota[] => {
    const field = (name: string): string | undefined =>
      headers[`x-ratelimit-${name}-${unit}`] ??
      headers[`x-ratelimit-${unit}-${name}`] ??
      headers[`anthropic-ratelimit-${unit}-${name}`];
    const remaining = numberOf(field('remaining'));
    if (remaining === null) return [];
    return [
      {
        countsRequests: unit === 'requests',
        limit: numberOf(field('limit')),
        remaining,
        resetMs: resetMs(field('reset'), wallNow),
        windowMs: null,
      },
    ];
  });
}

/** `32/40`: a bucket that empties in twenty seconds, so that one place in it is free after a twentieth. */
function shopify(headers: ResponseHeaders): readonly Quota[] {
  const [used, limit, ...rest] = (headers['x-shopify-shop-api-call-limit'] ?? '').split('/');
  const [taken, size] = [numberOf(used), numberOf(limit)];
  if (taken === null || size === null || size === 0 || rest.length > 0) return [];
  const remaining = Math.max(0, size - taken);
  return [{ countsRequests: true, limit: size, remaining, resetMs: 20_000 / size, windowMs: null }];
}

function hubspot(headers: ResponseHeaders): readonly Quota[] {
  const remaining = numberOf(headers['x-hubspot-ratelimit-remaining']);
  const windowMs = numberOf(headers['x-hubspot-ratelimit-interval-milliseconds']);
  if (remaining === null || windowMs === null) return [];
  const limit = numberOf(headers['x-hubspot-ratelimit-max']);
  return [{ countsRequests: true, limit, remaining, resetMs: windowMs, windowMs }];
}

function common(headers: ResponseHeaders, wallNow: number): readonly Quota[] {
  const prefix = ['x-ratelimit-', 'x-rate-limit-'].find(
    (name) => headers[`${name}remaining`] !== undefined,
  );
  if (prefix === undefined) return [];
  const after = headers[`${prefix}reset-after`];
  return [
    {
      countsRequests: true,
      limit: leastOf(headers[`${prefix}limit`]),
      remaining: leastOf(headers[`${prefix}remaining`]),
      resetMs: farthestMs(after ?? headers[`${prefix}reset`], wallNow),
      windowMs: null,
    },
  ];
}

interface Item {
  readonly name: string;
  readonly parameters: ReadonlyMap<string, string>;
}

interface Policy {
  readonly name: string;
  readonly limit: number | null;
  readonly windowMs: number | null;
  readonly countsRequests: boolean;
}

/** A structured list of items with parameters; quotes round names and values fall away. */
function itemsOf(text: string | undefined): readonly Item[] {
  if (text === undefined || text.trim() === '') return [];
  return unquotedParts(text, ',').map((item): Item => {
    const [name = '', ...parts] = unquotedParts(item, ';');
    const parameters = parts.flatMap((part): [string, string][] => {
      const [key, value] = part.split('=', 2);
      return key === undefined || value === undefined
        ? []
        : [[key.trim().toLowerCase(), unquoted(value)]];
    });
    return { name: unquoted(name), parameters: new Map(parameters) };
  });
}

/** `"name";q=100;w=60;qu="requests"`, or in older drafts `100;w=60`. */
function policyOf({ name, parameters }: Item): Policy {
  const seconds = numberOf(parameters.get('w'));
  const unit = parameters.get('qu') ?? 'requests';
  return {
    name,
    limit: numberOf(parameters.get('q') ?? name),
    windowMs: seconds === null || seconds === 0 ? null : seconds * 1_000,
    countsRequests: unit === 'requests',
  };
}

function policyQuota(policy: Policy | undefined): Quota {
  return {
    countsRequests: policy?.countsRequests ?? true,
    limit: policy?.limit ?? null,
    remaining: null,
    resetMs: null,
    windowMs: policy?.windowMs ?? null,
  };
}

function hasSeparateFields(headers: ResponseHeaders): boolean {
  return headers['ratelimit-remaining'] !== undefined || headers['ratelimit-limit'] !== undefined;
}

/** What stands between these separators, at most `MAX_ITEMS` parts; within quotes they separate nothing. */
function unquotedParts(text: string, separator: string): readonly string[] {
  const parts: string[] = [];
  let [start, isQuoted] = [0, false];
  for (let at = 0; at < text.length && parts.length < MAX_ITEMS; at += 1) {
    if (text[at] === '"') isQuoted = !isQuoted;
    if (isQuoted && text[at] === '\\') at += 1;
    if (isQuoted || text[at] !== separator) continue;
    parts.push(text.slice(start, at));
    start = at + 1;
  }
  return parts.length < MAX_ITEMS ? [...parts, text.slice(start)] : parts;
}

function unquoted(text: string): string {
  const value = text.trim();
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"')
    ? value.slice(1, -1)
    : value;
}

function numberOf(text: string | undefined): number | null {
  const value = text?.trim() ?? '';
  return NUMBER.test(value) ? Number(value) : null;
}

/** Of a line into which several fields were merged (`0, 50`), the least. */
function leastOf(text: string | undefined): number | null {
  const numbers = (text ?? '').split(',', MAX_ITEMS).map(numberOf);
  return numbers.includes(null) ? null : Math.min(...numbers.map((number) => number ?? 0));
}
