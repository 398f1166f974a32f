import { REDRIVE_BOUNDS, type RedriveOutcome } from '@ezthrottle/core/protocol';
import {
  type AuditRecord,
  type Clock,
  type Id,
  isRedriveOver,
  type Operation,
  type Redrive,
  type RedriveItem,
  type RedriveReads,
  type RedriveRecord,
  redriveRoom,
  redriveTotal,
  withEnded,
  withSent,
} from '@ezthrottle/engine';
import type { Act, AuditLog } from '../audit/audit-log.ts';
import type { Commit } from '../tenancy/committing.ts';
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

export interface RunningRedriveOptions {
  readonly reads: RedriveReads;
  readonly commit: Commit;
  readonly kinds: Readonly<Record<Redrive['of'], RedriveKind>>;
  readonly audit: Pick<AuditLog, 'entry'>;
  readonly clock: Clock;
  /** Whether there is room for so many more jobs. */
  readonly hasRoom: (jobs: number) => Promise<boolean>;
  /** Called when deliveries have become due. */
  readonly onReplayed: () => void;
  /** Whether this node, of several, sends them. Absent: there is only this one. */
  readonly isOurs?: (() => boolean) | undefined;
}

/** What is written of a redrive in one go. */
export interface RedriveChange {
  readonly redrive: Redrive;
  readonly items?: readonly RedriveItem[];
  readonly replays?: readonly { readonly deliveryId: Id; readonly at: number }[];
  /** Goes into the audit log in the same write. */
  readonly entry: AuditRecord | null;
}

type EndedItem = RedriveItem & { readonly outcome: EndedOutcome };

/** A dead letter that is to be sent, or (with a reason) passed over. */
interface Looked {
  readonly dead: AnyDead;
  readonly leftOut: LeftOut | null;
}

/** Dead letters that are looked at in one go: the rest is for the next one. */
export const LOOKED = 1_000;
/** So many of them are looked at together where many are passed over. */
const WIDEST = 100;
/** Wait where the server is full, in milliseconds. */
const REST_MS = 5_000;

/** One redrive that has not ended: sends the next ones, and counts what became of those before. */
export class RunningRedrive {
  readonly #options: RunningRedriveOptions;
  #record: RedriveRecord;
  #redrive: Redrive;
  /** What its rate allows, and since when it is counted (monotonic). */
  #allowance = 0;
  #countedAt: number;
  /** There was no room for more: not before this moment (monotonic). */
  #restsUntil = 0;
  /** One change after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #isDone = false;

  constructor(options: RunningRedriveOptions, record: RedriveRecord) {
    this.#options = options;
    this.#record = record;
    this.#redrive = storedRedrive(record).redrive;
    this.#countedAt = options.clock.monotonic();
  }

  get stored(): StoredRedrive {
    return { record: this.#record, redrive: this.#redrive };
  }

  /** There is nothing left to do for it. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Does this when what was begun before is done. */
  inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(act);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Counts what has ended and sends what may be sent now: how many were. To be called in turn. */
  async step(): Promise<number> {
    let sent = 0;
    let width = 1;
    // What is passed over costs nothing of the rate: it goes on until something is sent, or much was looked at.
    for (let passed = 0; passed < LOOKED; ) {
      const turn = await this.#send(width);
      sent += turn.sent;
      passed += turn.passed;
      if (turn.passed === 0) break;
      width = turn.sent > 0 ? 1 : Math.min(WIDEST, 2 * turn.passed);
    }
    return sent;
  }

  /** @param width Dead letters that are looked at, where the rate allows fewer to be sent. */
  async #send(width: number): Promise<{ readonly sent: number; readonly passed: number }> {
    const { organization, id } = this.#record;
    const ended = await this.#ended();
    const outcomes = ended.map(({ outcome }) => outcome);
    const counted = outcomes.length === 0 ? this.#redrive : withEnded(this.#redrive, outcomes);
    const room = redriveRoom(counted);
    const allowed = Math.min(room, this.#allowed());
    const kind = this.#options.kinds[counted.of];
    const isMore = allowed > 0 && (await this.#hasRoom(allowed));
    const limit = Math.max(allowed, width);
    const page = isMore ? await kind.next(organization, counted, limit, LOOKED) : null;
    const looked = page === null ? [] : await this.#upTo(allowed, page.found);
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
    this.#allowance -= sent;
    if (next === this.#redrive) return { sent: 0, passed: 0 };
    const first = redriveTotal(counted) + 1;
    const items = tried
      .map((each, index): RedriveItem => ({ ...each, number: first + index }))
      .filter(isListed);
    const replays = tries.flatMap(({ tried: { source }, replayAt }) =>
      replayAt === null ? [] : [{ deliveryId: source, at: replayAt }],
    );
    const entry = this.#endEntry(next);
    await this.put({ redrive: next, items: [...ended, ...items], replays, entry });
    if (replays.length > 0) this.#options.onReplayed();
    return { sent, passed: tried.length - sent };
  }

  /** The first ones of these, with no more that are to be sent than are allowed. */
  async #upTo(allowed: number, found: readonly AnyDead[]): Promise<readonly Looked[]> {
    if (found.length <= allowed) return found.map((dead) => ({ dead, leftOut: null }));
    const { organization, id } = this.#record;
    const redrive = this.#redrive;
    const kind = this.#options.kinds[redrive.of];
    const looked = await Promise.all(
      found.map(async (dead) => ({
        dead,
        leftOut: await kind.leftOut(organization, redrive, dead, id),
      })),
    );
    let wanted = 0;
    const end = looked.findIndex(({ leftOut }) => {
      wanted += leftOut === null ? 1 : 0;
      return wanted > allowed;
    });
    return end === -1 ? looked : looked.slice(0, end);
  }

  async #hasRoom(jobs: number): Promise<boolean> {
    const now = this.#options.clock.monotonic();
    if (this.#restsUntil > now) return false;
    const hasRoom = await this.#options.hasRoom(jobs);
    if (!hasRoom) this.#restsUntil = now + REST_MS;
    return hasRoom;
  }

  async #ended(): Promise<readonly EndedItem[]> {
    const { organization, id } = this.#record;
    const redrive = this.#redrive;
    if (redrive.counts.sent === 0) return [];
    const query = { after: 0, outcome: 'sent', limit: REDRIVE_BOUNDS.outstanding } as const;
    const ended: EndedItem[] = [];
    for (const item of await this.#options.reads.items(id, query)) {
      const outcome = await this.#options.kinds[redrive.of].outcomeOf(organization, item);
      if (outcome !== null) ended.push({ ...item, outcome });
    }
    return ended;
  }

  /** By its rate; what is not used within a second is lost. */
  #allowed(): number {
    const now = this.#options.clock.monotonic();
    const { rate } = this.#redrive;
    const gained = ((now - this.#countedAt) * rate) / 1_000;
    this.#allowance = Math.min(Math.max(1, rate), this.#allowance + gained);
    this.#countedAt = now;
    return Math.floor(this.#allowance);
  }

  /** Noted when it ends by itself. */
  #endEntry(next: Redrive): AuditRecord | null {
    const { state } = this.#redrive;
    if (next.state === state || !isRedriveOver(next)) return null;
    const { organization, id } = this.#record;
    const act: Act = {
      action: next.state === 'stopped' ? 'redrive.stop' : 'redrive.complete',
      target: id,
      before: { state },
      after: { state: next.state, ...next.counts },
    };
    const reason = next.state === 'stopped' ? 'too many of what was sent again have failed' : null;
    return this.#options.audit.entry({ organization, apiKey: null, actor: null, reason }, act);
  }

  /** Writes a change down; false: another node has changed it meanwhile, and it is as that one has left it. */
  async put({ redrive, items = [], replays = [], entry }: RedriveChange): Promise<boolean> {
    const record = this.#record;
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
      if (stored === null || stored.endedAt !== null) this.#isDone = true;
      else this.#keep(storedRedrive(stored));
      return false;
    }
    if (verdict !== 'ok') throw new Error(`a redrive was answered ${verdict}`);
    this.#keep({ record: next, redrive });
    if (isEnded) this.#isDone = true;
    return true;
  }

  #keep({ record, redrive }: StoredRedrive): void {
    this.#record = record;
    this.#redrive = redrive;
  }
}

export function storedRedrive(record: RedriveRecord): StoredRedrive {
  const redrive: Redrive = JSON.parse(record.data);
  return { record, redrive };
}

function outcomeOf({ outcome }: Tried): RedriveOutcome {
  return outcome;
}

/** What it has sent is, whatever its number: how it ends is to be counted. */
function isListed({ number, outcome }: RedriveItem): boolean {
  return outcome === 'sent' || number <= REDRIVE_BOUNDS.items;
}
