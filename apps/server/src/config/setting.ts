/** The two ways to run: `dev` makes its own keys and folder, `start` is told everything. */
export type Profile = 'dev' | 'start';

/** A value taken from a flag, the environment or the file: either read, or what it should have been. */
export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly expected: string };

/** One setting: where it may come from, what it may be, and what it is when nobody says. */
export interface Setting<T> {
  /** Long flag without its dashes. */
  readonly flag: string;
  /** Another spelling of it; null: none. */
  readonly otherFlag: string | null;
  readonly environment: string;
  /** Profiles that look at that variable. */
  readonly environmentOf: readonly Profile[];
  /** `switch` takes no value, `list` may be given more than once. */
  readonly kind: 'value' | 'switch' | 'list';
  /** How its value is shown in the help. */
  readonly placeholder: string;
  readonly description: string;
  /** Never shown; may also be read from the file that `<environment>_FILE` names. */
  readonly secret: boolean;
  /** Profiles that do not run without it. */
  readonly requiredBy: readonly Profile[];
  readonly defaults: Readonly<Record<Profile, T>>;
  read(raw: unknown, profile: Profile): Reading<T>;
}

interface Naming<T> {
  readonly flag: string;
  readonly description: string;
  readonly defaults: T | Readonly<Record<Profile, T>>;
  readonly placeholder?: string;
  readonly secret?: boolean;
  readonly requiredBy?: readonly Profile[];
  readonly otherFlag?: string;
  /** Default: `EZTHROTTLE_` and the flag. */
  readonly environment?: string;
  /** Default: both. */
  readonly environmentOf?: readonly Profile[];
}

function setting<T>(
  naming: Omit<Naming<T>, 'defaults'> & { readonly defaults: Readonly<Record<Profile, T>> },
  kind: Setting<T>['kind'],
  placeholder: string,
  read: (raw: unknown, profile: Profile) => Reading<T>,
): Setting<T> {
  return {
    flag: naming.flag,
    otherFlag: naming.otherFlag ?? null,
    environment:
      naming.environment ?? `EZTHROTTLE_${naming.flag.toUpperCase().replaceAll('-', '_')}`,
    environmentOf: naming.environmentOf ?? ['dev', 'start'],
    kind,
    placeholder: naming.placeholder ?? placeholder,
    description: naming.description,
    secret: naming.secret ?? false,
    requiredBy: naming.requiredBy ?? [],
    defaults: naming.defaults,
    read,
  };
}

type Bounds = { readonly min: number; readonly max: number };
type NamingOf<T> = Omit<Naming<T>, 'defaults'> & { readonly dev: T; readonly start: T };

function named<T>(naming: NamingOf<T>): Parameters<typeof setting<T>>[0] {
  const { dev, start, ...rest } = naming;
  return { ...rest, defaults: { dev, start } };
}

export function integer(naming: NamingOf<number>, bounds: Bounds): Setting<number> {
  return setting(named(naming), 'value', '<n>', (raw) => {
    const value = typeof raw === 'string' && /^-?\d+$/.test(raw.trim()) ? Number(raw) : raw;
    const fits =
      typeof value === 'number' &&
      Number.isSafeInteger(value) &&
      value >= bounds.min &&
      value <= bounds.max;
    return fits
      ? { ok: true, value }
      : { ok: false, expected: `a whole number from ${bounds.min} to ${bounds.max}` };
  });
}

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

function isUnit(text: string): text is keyof typeof UNIT_MS {
  return Object.hasOwn(UNIT_MS, text);
}

/** Milliseconds of `1500`, `30s`, `5m`, `24h` or `7d`; null when it is none of these. */
function durationMs(raw: unknown): number | null {
  if (typeof raw === 'number') return Number.isSafeInteger(raw) && raw >= 0 ? raw : null;
  if (typeof raw !== 'string') return null;
  const match = /^(\d{1,12})(ms|s|m|h|d)?$/.exec(raw.trim());
  const [, amount, unit = 'ms'] = match ?? [];
  if (amount === undefined || !isUnit(unit)) return null;
  const value = Number(amount) * UNIT_MS[unit];
  return Number.isSafeInteger(value) ? value : null;
}

export function duration(naming: NamingOf<number>, bounds: Bounds): Setting<number> {
  return setting(named(naming), 'value', '<duration>', (raw) => {
    const value = durationMs(raw);
    return value !== null && value >= bounds.min && value <= bounds.max
      ? { ok: true, value }
      : {
          ok: false,
          expected: `a duration such as 500ms, 30s, 5m, 24h or 7d, from ${bounds.min} ms to ${bounds.max} ms`,
        };
  });
}

export function durations(
  naming: NamingOf<readonly number[]>,
  bounds: Bounds & { readonly count: number },
): Setting<readonly number[]> {
  return setting(named(naming), 'value', '<duration,…>', (raw) => {
    const parts = listOf(raw)?.map(durationMs) ?? [];
    const values = parts.filter((part) => part !== null);
    const fits =
      values.length === parts.length &&
      values.length > 0 &&
      values.length <= bounds.count &&
      values.every((value) => value >= bounds.min && value <= bounds.max);
    return fits
      ? { ok: true, value: values }
      : { ok: false, expected: `1 to ${bounds.count} durations with commas, such as 0s,1s,5s,30s` };
  });
}

export function flagSwitch(naming: NamingOf<boolean>): Setting<boolean> {
  return setting(named(naming), 'switch', '', (raw) => {
    if (raw === true || raw === 'true' || raw === '1') return { ok: true, value: true };
    if (raw === false || raw === 'false' || raw === '0') return { ok: true, value: false };
    return { ok: false, expected: 'true or false' };
  });
}

export function choice<T extends string>(naming: NamingOf<T>, values: readonly T[]): Setting<T> {
  return setting(named(naming), 'value', `<${values.join('|')}>`, (raw) => {
    const value = values.find((candidate) => candidate === raw);
    return value === undefined
      ? { ok: false, expected: `one of ${values.join(', ')}` }
      : { ok: true, value };
  });
}

export function text(naming: NamingOf<string>, pattern: RegExp, expected: string): Setting<string> {
  return setting(named(naming), 'value', '<text>', matching(pattern, expected));
}

/** Text that may be missing. */
export function optionalText(
  naming: NamingOf<string | null>,
  pattern: RegExp,
  expected: string,
): Setting<string | null> {
  return setting(named(naming), 'value', '<text>', matching(pattern, expected));
}

function matching(pattern: RegExp, expected: string): (raw: unknown) => Reading<string> {
  return (raw) =>
    typeof raw === 'string' && pattern.test(raw)
      ? { ok: true, value: raw }
      : { ok: false, expected };
}

/** A setting with a reader of its own. */
export function custom<T>(
  naming: NamingOf<T>,
  kind: 'value' | 'list',
  read: (raw: unknown, profile: Profile) => Reading<T>,
): Setting<T> {
  return setting(named(naming), kind, '<text>', read);
}

/** The parts of `a,b`, of `['a', 'b']` or of `['a,b']`; null when it is something else. */
export function listOf(raw: unknown): readonly (string | number)[] | null {
  if (typeof raw === 'number') return [raw];
  if (typeof raw === 'string') return raw.split(',').map((part) => part.trim());
  if (!Array.isArray(raw)) return null;
  const parts: (string | number)[] = [];
  for (const part of raw) {
    if (typeof part === 'number') parts.push(part);
    else if (typeof part === 'string') parts.push(...part.split(',').map((item) => item.trim()));
    else return null;
  }
  return parts;
}
