import { createPace, KeyPacer, limitKey, limitSettings } from '@ezthrottle/engine';
import type { Clock, CostSource, Id, LimitSettings, PutPaceOperation } from '@ezthrottle/engine';
import type { NamedLimits } from './dispatch-ports.ts';
import type { Lane } from './lane.ts';

type PaceRow = PutPaceOperation['rows'][number];

/** A limit of an organization that calls count against beside their destination. */
export interface NamedLimit {
  readonly key: string;
  readonly organization: Id;
  readonly name: string;
  readonly pacer: KeyPacer;
  /** Lines whose calls count against it. */
  readonly lanes: Set<Lane>;
  /** Where answers tell what calls have cost, unless the job says it; null: nowhere. */
  source: CostSource | null;
}

/** Rows of the store that are a limit's and not an origin's: no origin begins like this. */
const ROW_PREFIX = 'limit ';

/** Limits that calls name: those that something waits for or was charged to since the start. */
export class LimitKeys {
  readonly #live = new Map<string, NamedLimit>();
  readonly #taught = new Map<string, string>();
  readonly #clock: Clock;
  readonly #rules: NamedLimits | undefined;

  constructor(clock: Clock, rules: NamedLimits | undefined) {
    this.#clock = clock;
    this.#rules = rules;
  }

  /** One that does not exist (any more) holds nobody back. */
  get(organization: Id, name: string): NamedLimit {
    const key = limitKey(organization, name);
    const known = this.#live.get(key);
    if (known !== undefined) return known;
    const settings = this.#settings(organization, name);
    const moment = { now: this.#clock.monotonic(), wallNow: this.#clock.now() };
    const pacer = new KeyPacer({
      key,
      pace: createPace(settings.pace, moment.now),
      learns: settings.adaptive,
      circuit: null,
      countsArrivals: false,
    });
    const data = this.#taught.get(key);
    if (data !== undefined) pacer.restore(data, moment);
    this.#taught.delete(key);
    pacer.heldUntil = this.#heldUntil(settings);
    const source = sourceOf(settings);
    const created = { key, organization, name, pacer, lanes: new Set<Lane>(), source };
    this.#live.set(key, created);
    return created;
  }

  find(key: string): NamedLimit | undefined {
    return this.#live.get(key);
  }

  /** Its settings have changed: they hold from now on. Null: nothing is going on there. */
  resettle(organization: Id, name: string): NamedLimit | null {
    const limit = this.#live.get(limitKey(organization, name));
    if (limit === undefined) return null;
    const settings = this.#settings(organization, name);
    const now = this.#clock.monotonic();
    limit.pacer.resettle(settings.pace, settings.adaptive, this.#heldUntil(settings), now);
    limit.source = sourceOf(settings);
    return limit;
  }

  /** Takes up what was written down of a limit; false: the row is none's. */
  restore({ organization, origin, data }: PaceRow): boolean {
    if (!origin.startsWith(ROW_PREFIX)) return false;
    this.#taught.set(limitKey(organization, origin.slice(ROW_PREFIX.length)), data);
    return true;
  }

  /** What has changed since the last call, to be written down. */
  takeChanged(): readonly PaceRow[] {
    const moment = { now: this.#clock.monotonic(), wallNow: this.#clock.now() };
    const rows: PaceRow[] = [];
    for (const { organization, name, pacer } of this.#live.values()) {
      if (!pacer.isChanged) continue;
      pacer.isChanged = false;
      rows.push({ organization, origin: ROW_PREFIX + name, data: pacer.save(moment) });
    }
    return rows;
  }

  #settings(organization: Id, name: string): LimitSettings {
    return this.#rules?.settingsOf(organization, name) ?? limitSettings('custom', {});
  }

  #heldUntil({ pausedUntil }: LimitSettings): number | null {
    if (pausedUntil === null) return null;
    return this.#clock.monotonic() + pausedUntil - this.#clock.now();
  }
}

function sourceOf({ settleHeader, settlePath }: LimitSettings): CostSource | null {
  if (settleHeader !== undefined) return { settleHeader };
  return settlePath === undefined ? null : { settlePath };
}
