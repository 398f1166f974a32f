import type { Reading } from './setting.ts';
import { withoutCredentials } from './shown.ts';

/** What the operator says about one destination. A value is a ceiling unless `allowRaise`. */
export interface RateRule {
  readonly requestsPerSecond: number;
  readonly burst: number | null;
  readonly concurrency: number | null;
  /** Whether responses of the target may raise the rate above the given one. */
  readonly allowRaise: boolean;
}

/** Rules by origin (`https://api.example.com`). */
export type RateRules = Readonly<Record<string, RateRule>>;

const MAX_RULES = 10_000;
/** Wrong origins that a complaint names; of further ones it says how many. */
const MOST_NAMED = 100;
const EXPECTED =
  'origins with requests per second, such as https://api.example.com=10; in the file also ' +
  '{ "https://api.example.com": { "requestsPerSecond": 10, "burst": 5, "concurrency": 3, "allowRaise": true } }';

/** Reads `origin=10`, a list of such, or an object from origin to a number or a rule. */
export function readRateRules(raw: unknown): Reading<RateRules> {
  const entries = entriesOf(raw);
  if (entries === null) return { ok: false, expected: EXPECTED };
  if (entries.length > MAX_RULES) return { ok: false, expected: `at most ${MAX_RULES} origins` };
  const rules: Record<string, RateRule> = Object.create(null);
  const wrong: string[] = [];
  for (const [address, value] of entries) {
    const origin = originOf(address);
    const rule = ruleOf(value);
    if (origin === null || rule === null) {
      wrong.push(JSON.stringify(withoutCredentials(address)));
    } else {
      rules[origin] = rule;
    }
  }
  if (wrong.length > 0) return { ok: false, expected: `${EXPECTED} (wrong: ${listed(wrong)})` };
  return { ok: true, value: Object.freeze(rules) };
}

function listed(origins: readonly string[]): string {
  const more = origins.length - MOST_NAMED;
  return origins.slice(0, MOST_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** The same for what no answer raises. */
export function readCapRules(raw: unknown): Reading<RateRules> {
  const reading = readRateRules(raw);
  const isRaised = reading.ok && Object.values(reading.value).some(({ allowRaise }) => allowRaise);
  return isRaised
    ? { ok: false, expected: 'caps without allowRaise: no answer moves them' }
    : reading;
}

function entriesOf(raw: unknown): readonly (readonly [string, unknown])[] | null {
  if (typeof raw === 'string') return entriesOf(raw.split(','));
  if (Array.isArray(raw)) {
    const entries: (readonly [string, unknown])[] = [];
    for (const item of raw) {
      if (typeof item !== 'string') return null;
      for (const part of item.split(',')) {
        const at = part.lastIndexOf('=');
        entries.push([part.slice(0, Math.max(0, at)).trim(), Number(part.slice(at + 1) || 'none')]);
      }
    }
    return entries;
  }
  return typeof raw === 'object' && raw !== null ? Object.entries(raw) : null;
}

function originOf(address: string): string | null {
  const url = URL.parse(address);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return null;
  const isBare = url.pathname === '/' && url.search === '' && url.hash === '';
  return isBare && url.username === '' && url.password === '' ? url.origin : null;
}

function ruleOf(value: unknown): RateRule | null {
  if (typeof value === 'number') return ruleOf({ requestsPerSecond: value });
  if (typeof value !== 'object' || value === null) return null;
  const rule: Record<string, unknown> = { ...value };
  const { requestsPerSecond, burst = null, concurrency = null, allowRaise = false } = rule;
  const known = ['requestsPerSecond', 'burst', 'concurrency', 'allowRaise'];
  if (Object.keys(rule).some((key) => !known.includes(key))) return null;
  if (!isRate(requestsPerSecond) || typeof allowRaise !== 'boolean') return null;
  if (!isCountOrNull(burst) || !isCountOrNull(concurrency)) return null;
  return { requestsPerSecond, burst, concurrency, allowRaise };
}

function isRate(value: unknown): value is number {
  return typeof value === 'number' && value >= 0.001 && value <= 1_000_000;
}

function isCountOrNull(value: unknown): value is number | null {
  return (
    value === null ||
    (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= 1_000_000)
  );
}
