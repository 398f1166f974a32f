import { REDRIVE_BOUNDS, type RedriveDryRun, type RedriveOutcome } from '@ezthrottle/core/protocol';
import {
  type AuditRecord,
  type Clock,
  type Id,
  isRedriveOver,
  newRedrive,
  type Operation,
  type Redrive,
  type RedriveItem,
  type RedriveReads,
  type RedriveRecord,
  redriveRoom,
  type RedriveSettings,
  redriveTotal,
  withEnded,
  withSent,
} from '@ezthrottle/engine';
import type { Act, Acting, AuditLog } from '../audit/audit-log.ts';
import type { Commit } from '../tenancy/committing.ts';
import { createPeriodic } from '../upkeep/periodic.ts';
import type { Service } from '../upkeep/service.ts';
import { dryRunOf } from './redrive-dry-run.ts';
import type { LeftOut } from './job-replays.ts';
import {
  type AnyDead,
  type EndedOutcome,
  passedOver,
  type RedriveKind,
  type Tried,
} from './redrive-kinds.ts';

/** A redrive as it is shown. */
export interface StoredRedrive {
  readonly record: RedriveRecord;
  readonly redrive: Redrive;
}

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

export interface RedrivesOptions {
  readonly reads: RedriveReads;
  readonly commit: Commit;
  readonly kinds: Readonly<Record<Redrive['of'], RedriveKind>>;
  readonly audit: Pick<AuditLog, 'entry'>;
  readonly clock: Clock;
  /** Whether there is room for so many more jobs. */
  readonly hasRoom: (jobs: number) => Promise<boolean>;
  /** Called when one was begun here that another node sends. Default: it finds it by looking. */
  readonly onBegun?: (() => void) | undefined;
  /** Called when deliveries have become due. */
  readonly onReplayed: () => void;
  readonly logger: { error(details: object, message: string): void };
  /** Between rounds, in milliseconds. Default 250. */
  readonly everyMs?: number;
  /** Whether this node, of several, sends them. Absent: there is only this one. */
  readonly isOurs?: (() => boolean) | undefined;
}

interface Running {
  record: RedriveRecord;
  redrive: Redrive;
  /** What its rate allows, and since when it is counted (monotonic). */
  allowance: number;
  countedAt: number;
  /** There was no room for more: not before this moment (monotonic). */
  restsUntil: number;
  /** One change after the other. */
  last: Promise<unknown>;
}

/** A dead letter that is to be sent, or (with a reason) passed over. */
interface Looked {
  readonly dead: AnyDead;
  readonly leftOut: LeftOut | null;
}

/** Dead letters that one round looks at: the rest is for the next one. */
const LOOKED = 1_000;
/** So many of them are looked at together where many are passed over. */
const WIDEST = 100;
/** Between two looks at what other nodes have begun, in milliseconds. */
const SHARE_MS = 1_000;
/** Wait where the server is full, in milliseconds. */
const REST_MS = 5_000;

export function createRedrives(options: RedrivesOptions): Redrives {
  return new RunningRedrives(options);
}

class RunningRedrives implements Redrives {
  readonly name = 'redrives';
  readonly #options: RedrivesOptions;
  readonly #running = new Map<Id, Running>();
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
    return record === null ? null : storedOf(record);
  }

  async list(query: Parameters<RedriveReads['list']>[0]): Promise<readonly StoredRedrive[]> {
    return (await this.#options.reads.list(query)).map(storedOf);
  }

  items(id: Id, query: Parameters<RedriveReads['items']>[1]): Promise<readonly RedriveItem[]> {
    return this.#options.reads.items(id, query);
  }

  async cancel(acting: Acting, id: Id): Promise<RedriveCancel> {
    const stored = await this.get(acting.organization, id);
    if (stored === null) return { verdict: 'unknown' };
    const running = this.#running.get(id) ?? runningOf(stored.record, 0);
    const cancelled = await inTurn(running, async (): Promise<RedriveCancel | null> => {
      const { redrive } = running;
      if (isRedriveOver(redrive))
        return { verdict: 'already_ended', stored: storedOf(running.record) };
      const entry = this.#options.audit.entry(acting, {
        action: 'redrive.cancel',
        target: id,
        before: { state: redrive.state, ...redrive.counts },
        after: { state: 'cancelled' },
      });
      const isPut = await this.#put(running, { ...redrive, state: 'cancelled' }, [], [], entry);
      return isPut ? { verdict: 'cancelled', stored: storedOf(running.record) } : null;
    });
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
      sent += await inTurn(running, () => this.#step(running)).catch((error: unknown) => {
        const redriveId = running.record.id;
        this.#options.logger.error(
          { event: 'redrive_failed', redriveId, err: error },
          'a redrive cannot go on',
        );
        return 0;
      });
    }
    return { running: this.#running.size, sent };
  }

  #watch(record: RedriveRecord): void {
    this.#running.set(record.id, runningOf(record, this.#options.clock.monotonic()));
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

  /** How many were sent. */
  async #step(running: Running): Promise<number> {
    let sent = 0;
    let width = 1;
    // What is passed over costs nothing of the rate: it goes on until something is sent, or much was looked at.
    for (let passed = 0; passed < LOOKED; ) {
      const turn = await this.#turn(running, width);
      sent += turn.sent;
      passed += turn.passed;
      if (turn.passed === 0) break;
      width = turn.sent > 0 ? 1 : Math.min(WIDEST, 2 * turn.passed);
    }
    return sent;
  }

  /** @param width Dead letters that are looked at, where the rate allows fewer to be sent. */
  async #turn(
    running: Running,
    width: number,
  ): Promise<{ readonly sent: number; readonly passed: number }> {
    const { organization, id } = running.record;
    const ended = await this.#ended(running);
    const outcomes = ended.map(({ outcome }) => outcome);
    const counted = outcomes.length === 0 ? running.redrive : withEnded(running.redrive, outcomes);
    const room = redriveRoom(counted);
    const allowed = Math.min(room, this.#allowed(running));
    const kind = this.#options.kinds[counted.of];
    const isMore = allowed > 0 && (await this.#hasRoom(running, allowed));
    const limit = Math.max(allowed, width);
    const page = isMore ? await kind.next(organization, counted, limit, LOOKED) : null;
    const looked = page === null ? [] : await this.#upTo(allowed, page.found, running);
    const isWhole = looked.length === (page?.found.length ?? 0);
    // In the order in which they stand, and at once: so that they share a flush of the disk.
    const tries = await Promise.all(
      looked.map(async ({ dead, leftOut }) =>
        leftOut === null
          ? await kind.send(organization, id, counted, dead)
          : { tried: passedOver(dead.id, leftOut), replayAt: null },
      ),
    );
    const tried = tries.map((each) => each.tried);
    const place = (isWhole ? page?.next : null) ?? looked.at(-1)?.dead.place ?? counted.cursor;
    const isAtEnd = isWhole && page?.next === null;
    const next = page === null ? counted : withSent(counted, tried.map(outcomeOf), place, isAtEnd);
    const sent = tried.filter(({ outcome }) => outcome === 'sent').length;
    running.allowance -= sent;
    if (next === running.redrive) return { sent: 0, passed: 0 };
    const first = redriveTotal(counted) + 1;
    const items = tried
      .map((each, index): RedriveItem => ({ ...each, number: first + index }))
      .filter(isListed);
    const replays = tries.flatMap(({ tried: { source }, replayAt }) =>
      replayAt === null ? [] : [{ deliveryId: source, at: replayAt }],
    );
    await this.#put(running, next, [...ended, ...items], replays, this.#endEntry(running, next));
    if (replays.length > 0) this.#options.onReplayed();
    return { sent, passed: tried.length - sent };
  }

  /** The first ones of these, with no more that are to be sent than are allowed. */
  async #upTo(
    allowed: number,
    found: readonly AnyDead[],
    { record, redrive }: Running,
  ): Promise<readonly Looked[]> {
    if (found.length <= allowed) return found.map((dead) => ({ dead, leftOut: null }));
    const kind = this.#options.kinds[redrive.of];
    const looked = await Promise.all(
      found.map(async (dead) => ({
        dead,
        leftOut: await kind.leftOut(record.organization, redrive, dead, record.id),
      })),
    );
    let wanted = 0;
    const end = looked.findIndex(({ leftOut }) => {
      wanted += leftOut === null ? 1 : 0;
      return wanted > allowed;
    });
    return end === -1 ? looked : looked.slice(0, end);
  }

  async #hasRoom(running: Running, jobs: number): Promise<boolean> {
    const now = this.#options.clock.monotonic();
    if (running.restsUntil > now) return false;
    const hasRoom = await this.#options.hasRoom(jobs);
    if (!hasRoom) running.restsUntil = now + REST_MS;
    return hasRoom;
  }

  async #ended(
    running: Running,
  ): Promise<readonly (RedriveItem & { readonly outcome: EndedOutcome })[]> {
    const { record, redrive } = running;
    if (redrive.counts.sent === 0) return [];
    const query = { after: 0, outcome: 'sent', limit: REDRIVE_BOUNDS.outstanding } as const;
    const ended: (RedriveItem & { readonly outcome: EndedOutcome })[] = [];
    for (const item of await this.#options.reads.items(record.id, query)) {
      const outcome = await this.#options.kinds[redrive.of].outcomeOf(record.organization, item);
      if (outcome !== null) ended.push({ ...item, outcome });
    }
    return ended;
  }

  /** By its rate; what is not used within a second is lost. */
  #allowed(running: Running): number {
    const now = this.#options.clock.monotonic();
    const { rate } = running.redrive;
    const gained = ((now - running.countedAt) * rate) / 1_000;
    running.allowance = Math.min(Math.max(1, rate), running.allowance + gained);
    running.countedAt = now;
    return Math.floor(running.allowance);
  }

  /** Noted when it ends by itself. */
  #endEntry({ record, redrive }: Running, next: Redrive): AuditRecord | null {
    if (next.state === redrive.state || !isRedriveOver(next)) return null;
    const { organization, id } = record;
    const act: Act = {
      action: next.state === 'stopped' ? 'redrive.stop' : 'redrive.complete',
      target: id,
      before: { state: redrive.state },
      after: { state: next.state, ...next.counts },
    };
    const reason = next.state === 'stopped' ? 'too many of what was sent again have failed' : null;
    return this.#options.audit.entry({ organization, apiKey: null, actor: null, reason }, act);
  }

  async #put(
    running: Running,
    redrive: Redrive,
    items: readonly RedriveItem[],
    replays: readonly { readonly deliveryId: Id; readonly at: number }[],
    entry: AuditRecord | null,
  ): Promise<boolean> {
    const { record } = running;
    // It is over, and how all that it has sent has ended is known.
    const isEnded = isRedriveOver(redrive) && redrive.counts.sent === 0;
    const next: RedriveRecord = {
      ...record,
      data: JSON.stringify(redrive),
      version: record.version + 1,
      endedAt: isEnded ? this.#options.clock.now() : null,
    };
    const put: Exclude<Operation, { type: 'audited' }> = {
      type: 'put_redrive',
      redrive: next,
      replaces: record.version,
      items,
      replays,
    };
    const { commit, isOurs, reads } = this.#options;
    const { verdict } = await commit(
      entry === null ? put : { type: 'audited', operation: put, entry },
    );
    if (verdict === 'stale' && isOurs !== undefined) {
      // Another node has cancelled it, or has sent from it before its slots came here.
      const stored = await reads.get(record.organization, record.id);
      if (stored === null || stored.endedAt !== null) this.#running.delete(record.id);
      else Object.assign(running, { record: stored, redrive: storedOf(stored).redrive });
      return false;
    }
    if (verdict !== 'ok') throw new Error(`a redrive was answered ${verdict}`);
    running.record = next;
    running.redrive = redrive;
    if (isEnded) this.#running.delete(record.id);
    return true;
  }
}

function runningOf(record: RedriveRecord, countedAt: number): Running {
  const { redrive } = storedOf(record);
  return { record, redrive, allowance: 0, countedAt, restsUntil: 0, last: Promise.resolve() };
}

function storedOf(record: RedriveRecord): StoredRedrive {
  const redrive: Redrive = JSON.parse(record.data);
  return { record, redrive };
}

function inTurn<T>(running: Running, act: () => Promise<T>): Promise<T> {
  const turn = running.last.then(act);
  running.last = turn.catch(() => undefined);
  return turn;
}

function outcomeOf({ outcome }: Tried): RedriveOutcome {
  return outcome;
}

/** What it has sent is, whatever its number: how it ends is to be counted. */
function isListed({ number, outcome }: RedriveItem): boolean {
  return outcome === 'sent' || number <= REDRIVE_BOUNDS.items;
}
