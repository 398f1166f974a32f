import { createPace, restorePace, savePace, withSettings } from '@ezthrottle/engine';
import type { Clock, Id, PaceSettings, PutPaceOperation } from '@ezthrottle/engine';
import type { DestinationEdits } from './dispatch-ports.ts';
import type { DispatchLimits } from './dispatch-limits.ts';
import { destination, isIdle } from './destination.ts';
import type { Destination } from './destination.ts';
import { LineWindow } from './line-window.ts';
import type { WindowBudget } from './line-window.ts';

type PaceRow = PutPaceOperation['rows'][number];

/** Every destination at which something happens, and in brief what the others have taught. */
export class Destinations {
  readonly #live = new Map<string, Destination>();
  readonly #taught = new Map<string, string>();
  readonly #clock: Clock;
  readonly #settings: (origin: string, organization: Id) => PaceSettings;
  readonly #maxIdle: number;
  readonly #budget: WindowBudget;
  readonly #edits: DestinationEdits | undefined;

  constructor(
    clock: Clock,
    settings: (origin: string, organization: Id) => PaceSettings,
    limits: Pick<DispatchLimits, 'maxIdleDestinations' | 'windowPerAccount' | 'windowTotal'>,
    edits?: DestinationEdits,
  ) {
    this.#clock = clock;
    this.#settings = settings;
    this.#edits = edits;
    this.#maxIdle = limits.maxIdleDestinations;
    this.#budget = { held: 0, perAccount: limits.windowPerAccount, total: limits.windowTotal };
  }

  get(organization: Id, origin: string): Destination {
    const key = keyOf(organization, origin);
    const known = this.#live.get(key);
    if (known !== undefined) return known;
    const settings = this.#settings(origin, organization);
    const data = this.#taught.get(key);
    const moment = { now: this.#clock.monotonic(), wallNow: this.#clock.now() };
    const pace =
      data === undefined ? createPace(settings, moment.now) : restorePace(data, settings, moment);
    this.#taught.delete(key);
    const created = destination({ key, organization, origin }, new LineWindow(this.#budget), pace);
    created.heldUntil = this.#heldUntil(organization, origin);
    this.#live.set(key, created);
    return created;
  }

  /** Null: nothing is going on there. */
  find(organization: Id, origin: string): Destination | null {
    return this.#live.get(keyOf(organization, origin)) ?? null;
  }

  /** Its settings have changed, or its pause by hand: they hold from now on, what is owed stays owed. */
  resettle(organization: Id, origin: string): Destination | null {
    const live = this.find(organization, origin);
    if (live === null) return null;
    const settings = this.#settings(origin, organization);
    live.pace = withSettings(live.pace, settings, this.#clock.monotonic());
    live.heldUntil = this.#heldUntil(organization, origin);
    live.isPaceChanged = true;
    return live;
  }

  values(): Iterable<Destination> {
    return this.#live.values();
  }

  /** What was written down before a start. */
  restore(rows: readonly PaceRow[]): void {
    for (const { organization, origin, data } of rows) {
      this.#taught.set(keyOf(organization, origin), data);
    }
  }

  /** What has changed since the last call, to be written down. Forgets destinations long idle. */
  takeChanged(): readonly PaceRow[] {
    const moment = { now: this.#clock.monotonic(), wallNow: this.#clock.now() };
    const rows: PaceRow[] = [];
    let surplus = this.#live.size - this.#maxIdle;
    for (const live of this.#live.values()) {
      const isSurplus = surplus > 0 && isIdle(live);
      if (!live.isPaceChanged && !isSurplus) continue;
      const { organization, origin, key } = live;
      const data = savePace(live.pace, moment);
      if (live.isPaceChanged) rows.push({ organization, origin, data });
      live.isPaceChanged = false;
      if (!isSurplus) continue;
      live.stopTimer?.();
      this.#live.delete(key);
      this.#taught.set(key, data);
      surplus -= 1;
    }
    return rows;
  }

  #heldUntil(organization: Id, origin: string): number | null {
    const until = this.#edits?.pausedUntil(organization, origin) ?? null;
    return until === null ? null : this.#clock.monotonic() + until - this.#clock.now();
  }
}

function keyOf(organization: Id, origin: string): string {
  return `${organization} ${origin}`;
}
