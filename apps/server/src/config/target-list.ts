import { AddressPolicyError } from '../net/address-policy.ts';
import { listOf, type Reading } from './setting.ts';

const MOST_TARGETS = 1_000;

/** Reads up to a thousand addresses, ranges or names: what `check` does not refuse. */
export function readTargets(
  raw: unknown,
  check: (entries: readonly string[]) => unknown,
  expected: string,
): Reading<readonly string[]> {
  const entries = listOf(raw)?.filter((entry) => typeof entry === 'string') ?? [];
  if (entries.length === 0 || entries.length > MOST_TARGETS) return { ok: false, expected };
  try {
    check(entries);
  } catch (error) {
    if (error instanceof AddressPolicyError) return { ok: false, expected };
    throw error;
  }
  return { ok: true, value: Object.freeze(entries) };
}
