import { REDRIVE_BOUNDS, type RedriveDryRun } from '@ezthrottle/core/protocol';
import {
  type Id,
  isRedriveOver,
  newRedrive,
  type RedriveItem,
  type RedriveReads,
  type RedriveRecord,
  type RedriveSettings,
} from '@ezthrottle/engine';
import type { Acting } from '../audit/audit-log.ts';
import { createPeriodic } from '../upkeep/periodic.ts';
import type { Service } from '../upkeep/service.ts';
import { dryRunOf } from './redrive-dry-run.ts';
import {
  LOOKED,
  RunningRedrive,
  type RunningRedriveOptions,
  type StoredRedrive,
  storedRedrive,
} from './running-redrive.ts';

export type RedriveStart =
  | { readonly verdict: 'started' | 'already'; readonly stored: StoredRedrive }
  | { readonly verdict: 'full'; readonly most: number };

export type RedriveCancel =
  | { readonly verdict: 'cancelled' | 'already_ended'; readonly stored: StoredRedrive }
  | { readonly verdict: 'unknown' };

/** Sends many dead letters again, a few at a time, and stops by itself when they fail again. */
export interface Redrives extends Service {
  dryRun(organization: Id, settings: RedriveSettings): Promise<Omit<RedriveDryRun, 'dry_run'>>;
  /** @param id The same id twice makes one redrive. */
  begin(acting: Acting, id: Id, settings: RedriveSettings): Promise<RedriveStart>;
  get(organization: Id, id: Id): Promise<StoredRedrive | null>;
  list(query: Parameters<RedriveReads['list']>[0]): Promise<readonly StoredRedrive[]>;
  items(id: Id, query: Parameters<RedriveReads['items']>[1]): Promise<readonly RedriveItem[]>;
  /** What has not been sent stays dead; what has been goes on. */
  cancel(acting: Acting, id: Id): Promise<RedriveCancel>;
  /** Another node has begun one: it is looked for in the next round. */
  begunElsewhere(): void;
  /** One round: what has ended is counted, and what may be sent now is sent. */
  runOnce(): Promise<{ readonly running: number; readonly sent: number }>;
}

export interface RedrivesOptions extends RunningRedriveOptions {
  /** Called when one was begun here that another node sends. Default: it finds it by looking. */
  readonly onBegun?: (() => void) | undefined;
  readonly logger: { error(details: object, message: string): void };
  /** Between rounds, in milliseconds. Default 250. */
  readonly everyMs?: number;
}

/** Between two looks at what other nodes have begun, in milliseconds. */
const SHARE_MS = 1_000;

export function createRedrives(options: RedrivesOptions): Redrives {
  return new RunningRedrives(options);
}

class RunningRedrives implements Redrives {
  readonly name = 'redrives';
  readonly #options: RedrivesOptions;
  readonly #running = new Map<Id, RunningRedrive>();
  readonly #periodic: Service;
  /** When it was looked what others have begun, on the monotonic clock. */
  #sharedAt = Number.NEGATIVE_INFINITY;

  constructor(options: RedrivesOptions) {
    this.#options = options;
    this.#periodic = createPeriodic({
      name: this.name,
      clock: options.clock,
      everyMs: options.everyMs ?? 250,
      round: () => this.runOnce(),
      onError: (error) =>
        options.logger.error({ event: 'redrives_failed', err: error }, 'redrives cannot go on'),
    });
  }

  async start(): Promise<void> {
    for (const record of await this.#options.reads.running()) this.#watch(record);
    await this.#periodic.start();
  }

  stop(): Promise<void> {
    return this.#periodic.stop();
  }

  dryRun(organization: Id, settings: RedriveSettings): Promise<Omit<RedriveDryRun, 'dry_run'>> {
    return dryRunOf(this.#options.kinds[settings.of], organization, settings, LOOKED);
  }

  async begin(acting: Acting, id: Id, settings: RedriveSettings): Promise<RedriveStart> {
    const { organization } = acting;
    const known = await this.get(organization, id);
    if (known !== null) return { verdict: 'already', stored: known };
    const running = await this.#options.reads.running();
    const own = running.filter((record) => record.organization === organization);
    if (own.length >= REDRIVE_BOUNDS.active)
      return { verdict: 'full', most: REDRIVE_BOUNDS.active };
    const redrive = newRedrive(settings);
    const record: RedriveRecord = {
      id,
      organization,
      data: JSON.stringify(redrive),
      version: 1,
      createdAt: this.#options.clock.now(),
      endedAt: null,
    };
    const { filter, rate, canary, maxFailurePercent, maxItems, of } = settings;
    const entry = this.#options.audit.entry(acting, {
      action: 'redrive.start',
      target: id,
      after: {
        of,
        filter: { ...filter },
        rate,
        canary,
        max_failure_percent: maxFailurePercent,
        max_items: maxItems,
        // Values may be secrets: only what is edited is told.
        edited: Object.keys(settings.edit),
      },
    });
    const put = { type: 'put_redrive', redrive: record, replaces: null, items: [] } as const;
    const { verdict } = await this.#options.commit({ type: 'audited', operation: put, entry });
    const stored = await this.get(organization, id);
    if (stored === null) throw new Error(`a new redrive was answered ${verdict}`);
    if (verdict !== 'ok') return { verdict: 'already', stored };
    if (this.#options.isOurs?.() === false) this.#options.onBegun?.();
    else this.#watch(record);
    return { verdict: 'started', stored };
  }

  async get(organization: Id, id: Id): Promise<StoredRedrive | null> {
    const record = await this.#options.reads.get(organization, id);
    return record === null ? null : storedRedrive(record);
  }

  async list(query: Parameters<RedriveReads['list']>[0]): Promise<readonly StoredRedrive[]> {
    return (await this.#options.reads.list(query)).map(storedRedrive);
  }

  items(id: Id, query: Parameters<RedriveReads['items']>[1]): Promise<readonly RedriveItem[]> {
    return this.#options.reads.items(id, query);
  }

  async cancel(acting: Acting, id: Id): Promise<RedriveCancel> {
    const stored = await this.get(acting.organization, id);
    if (stored === null) return { verdict: 'unknown' };
    const running = this.#running.get(id) ?? new RunningRedrive(this.#options, stored.record);
    const cancelled = await running.inTurn(async (): Promise<RedriveCancel | null> => {
      const { redrive } = running.stored;
      if (isRedriveOver(redrive)) return { verdict: 'already_ended', stored: running.stored };
      const entry = this.#options.audit.entry(acting, {
        action: 'redrive.cancel',
        target: id,
        before: { state: redrive.state, ...redrive.counts },
        after: { state: 'cancelled' },
      });
      const isPut = await running.put({ redrive: { ...redrive, state: 'cancelled' }, entry });
      return isPut ? { verdict: 'cancelled', stored: running.stored } : null;
    });
    this.#leaveIfDone(running);
    return cancelled ?? (await this.cancel(acting, id));
  }

  begunElsewhere(): void {
    this.#sharedAt = Number.NEGATIVE_INFINITY;
  }

  async runOnce(): Promise<{ readonly running: number; readonly sent: number }> {
    if (this.#options.isOurs !== undefined) await this.#share(this.#options.isOurs());
    let sent = 0;
    for (const running of this.#running.values()) {
      // One that cannot go on now does not keep the others from it.
      sent += await running
        .inTurn(() => running.step())
        .catch((error: unknown) => {
          const redriveId = running.stored.record.id;
          this.#options.logger.error(
            { event: 'redrive_failed', redriveId, err: error },
            'a redrive cannot go on',
          );
          return 0;
        });
      this.#leaveIfDone(running);
    }
    return { running: this.#running.size, sent };
  }

  #leaveIfDone(running: RunningRedrive): void {
    if (running.isDone) this.#running.delete(running.stored.record.id);
  }

  #watch(record: RedriveRecord): void {
    this.#running.set(record.id, new RunningRedrive(this.#options, record));
  }

  /** Of several nodes one sends; it learns here what the others have begun. */
  async #share(isOurs: boolean): Promise<void> {
    if (!isOurs) {
      this.#running.clear();
      return;
    }
    const { clock, reads } = this.#options;
    const now = clock.monotonic();
    if (now < this.#sharedAt + SHARE_MS) return;
    this.#sharedAt = now;
    for (const record of await reads.running()) {
      if (!this.#running.has(record.id)) this.#watch(record);
    }
  }
}
