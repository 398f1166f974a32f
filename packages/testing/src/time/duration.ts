/** Milliseconds, or text such as `250ms`, `30s`, `15m`, `6h`, `30d`. */
export type Duration = number | `${number}${DurationUnit}`;

type DurationUnit = keyof typeof UNIT_MS;

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const TEXT = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/**
 * A duration in milliseconds.
 *
 * @throws {RangeError} for what is none, or is negative.
 */
export function durationMs(duration: Duration): number {
  const ms = typeof duration === 'number' ? duration : textMs(duration);
  if (isDuration(duration)) return ms;
  throw new RangeError(
    `${JSON.stringify(duration)} is not a duration; expected milliseconds, or text such as '30s', '6h' or '30d'.`,
  );
}

export function isDuration(value: unknown): value is Duration {
  const ms = typeof value === 'string' ? textMs(value) : value;
  return typeof ms === 'number' && Number.isFinite(ms) && ms >= 0;
}

function textMs(text: string): number {
  const [, count, unit] = TEXT.exec(text) ?? [];
  return count === undefined || !isUnit(unit) ? Number.NaN : Number(count) * UNIT_MS[unit];
}

function isUnit(unit: string | undefined): unit is DurationUnit {
  return unit !== undefined && Object.hasOwn(UNIT_MS, unit);
}
