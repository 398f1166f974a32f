import type { RedriveDryRun } from '@ezthrottle/core/protocol';
import { type Id, newRedrive, type RedriveSettings } from '@ezthrottle/engine';
import type { RedriveKind } from './redrive-kinds.ts';

/** The most that is looked at. */
const LOOKED_MOST = 1_000_000;
/** Looked at in one turn: others have theirs in between. */
const AT_ONCE = 100;
const DESTINATIONS = 10;

/**
 * What a redrive with these settings would send if it began now, and what it would pass over. Sends nothing.
 *
 * @param rows Dead letters that are read at once.
 */
export async function dryRunOf(
  kind: RedriveKind,
  organization: Id,
  settings: RedriveSettings,
  rows: number,
): Promise<Omit<RedriveDryRun, 'dry_run'>> {
  const [reasons, destinations, leftOut] = [new Tally(), new Tally(), new Tally()];
  const told = (more: boolean): Omit<RedriveDryRun, 'dry_run'> => ({
    of: settings.of,
    count: reasons.total,
    more,
    by_reason: reasons.all(),
    left_out: leftOut.all(),
    by_destination: destinations
      .most(DESTINATIONS)
      .map(([destination, count]) => ({ destination, count })),
  });
  let { cursor } = newRedrive(settings);
  for (let looked = 0; looked < LOOKED_MOST; looked += rows) {
    const page = await kind.next(organization, { ...settings, cursor }, rows, rows);
    for (const [index, dead] of page.found.entries()) {
      if (index % AT_ONCE === 0) await breath();
      const passed = await kind.leftOut(organization, settings, dead, null);
      if (passed !== null) {
        leftOut.add(passed.why);
        continue;
      }
      if (reasons.total >= settings.maxItems) return told(true);
      reasons.add(dead.reason);
      destinations.add(dead.destination);
    }
    if (page.next === null) return told(false);
    cursor = page.next;
  }
  return told(true);
}

/** Counts by name. */
class Tally {
  readonly #counts = new Map<string, number>();
  total = 0;

  add(name: string): void {
    this.total += 1;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  all(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  most(limit: number): readonly (readonly [name: string, count: number])[] {
    return [...this.#counts].toSorted(([, one], [, other]) => other - one).slice(0, limit);
  }
}

function breath(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
