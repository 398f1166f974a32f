import {
  type Clock,
  type ClusterOperation,
  type Id,
  joinedMember,
  type Lease,
  LEASE_TIMES,
  type LeaseTimes,
  leaseLeftMs,
  type Member,
  MEMBERSHIP,
  planRound,
  renewal,
  renewedLease,
  slotOf,
  type UnderWay,
} from '@ezthrottle/engine';
import type { ClusterDatabase, NodeFacts, NodesView, PeerRow } from './cluster-database.ts';
import { NodeFencedError } from '../store/postgres/node-fenced-error.ts';
import { unavailable } from '../store/postgres/postgres-error.ts';
import { HeldSlots } from './ownership.ts';
import type { SlotUser } from './slot-user.ts';

export interface ClusterNodeOptions {
  readonly database: ClusterDatabase;
  readonly clock: Clock;
  readonly facts: NodeFacts;
  /** Default `LEASE_TIMES`. */
  readonly times?: LeaseTimes;
  /** Told after each round what is known of all nodes. */
  readonly onView?: (view: NodesView) => void;
  /** Others took this node for dead: nothing that it remembers holds any more. */
  readonly onFenced: () => void;
  readonly logger: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
    error(details: object, message: string): void;
  };
}

/** How often a node that waits for its slots to come to rest looks at them, in milliseconds. */
const HURRY_MS = 50;

/**
 * This process as one of several: it renews its lease, takes slots and gives them up, and tells the parts
 * that work on them. What it holds is held for as long as its lease lives, by its own clocks.
 */
export class ClusterNode {
  readonly held: HeldSlots;
  readonly #options: ClusterNodeOptions;
  readonly #times: LeaseTimes;
  readonly #users: SlotUser[] = [];
  #member: Member | null = null;
  #lease: Lease = { wallEnd: 0, monotonicEnd: 0 };
  #view: NodesView | null = null;
  #round: Promise<void> | null = null;
  #stopTimer: (() => void) | null = null;
  #onLeft: (() => void) | null = null;
  /** Slots that are being prepared. */
  readonly #coming = new Map<number, object>();
  /** Before that it renews its lease and takes nothing. */
  #isStarted = false;
  #isOver = false;
  #isFenced = false;
  /** Those who wait for a lease. */
  readonly #onRenewed: (() => void)[] = [];

  constructor(options: ClusterNodeOptions) {
    this.#options = options;
    this.#times = options.times ?? LEASE_TIMES;
    this.held = new HeldSlots(() => this.#isLeaseAlive());
  }

  get id(): Id {
    return this.#options.facts.node;
  }

  /** Of the fence that its writes are held against; 0 before `join`. */
  get epoch(): number {
    return this.#member?.epoch ?? 0;
  }

  /** What was read in the last round. */
  get view(): NodesView | null {
    return this.#view;
  }

  /** Becomes one of the nodes, without any slots yet. However long its parts take to begin, it stays one. */
  async join(): Promise<void> {
    const { database, facts } = this.#options;
    const sentAt = this.#clocks();
    const epoch = await database.join(facts, this.#times.leaseMs);
    this.#member = joinedMember(facts.node, epoch);
    this.#lease = renewedLease(sentAt, this.#times);
    this.#plan(this.#times.heartbeatMs);
  }

  /**
   * Resolves while the lease lives, else when it is renewed: who has none opens no transaction that others
   * would have to wait for.
   *
   * @throws NodeFencedError when it will not be renewed any more.
   */
  async leased(): Promise<void> {
    while (!this.#isLeaseAlive()) {
      if (this.#isFenced) throw new NodeFencedError();
      // Nothing is renewed any more; what is left to write is still held against the fence.
      if (this.#isOver) return;
      await new Promise<void>((resolve) => this.#onRenewed.push(resolve));
    }
  }

  /** Other nodes that are alive, as of the last round. */
  get others(): readonly PeerRow[] {
    const view = this.#view;
    if (view === null) return [];
    return view.nodes.filter(
      ({ node, expiresAt }) => node !== this.id && expiresAt > view.databaseNow,
    );
  }

  /** Whether this node has this line. */
  ownsLine(organization: Id, line: string): boolean {
    return this.held.owns(organization, line);
  }

  /** Which other node has this line; null: none that can be asked. */
  ownerOf(organization: Id, line: string): PeerRow | null {
    const slot = slotOf(organization, line);
    if (this.held.has(slot)) return null;
    const owner = this.#view?.slots.find((row) => row.slot === slot)?.owner?.node;
    return this.others.find(({ node, url }) => node === owner && url !== null) ?? null;
  }

  /** Others reach this node at this address. */
  announce(url: string): Promise<void> {
    return this.#options.database.announce(this.id, url);
  }

  /** Takes slots from now on, for these parts. Resolves after the second round: alone, it has them all. */
  async start(users: readonly SlotUser[]): Promise<void> {
    this.#users.push(...users);
    this.#stopTimer?.();
    await this.#round;
    this.#isStarted = true;
    await this.#once();
    await this.#once();
    this.#plan(this.#times.heartbeatMs);
  }

  /** Nothing is under way here any more: all slots are free for others from now on. */
  async giveUp(): Promise<void> {
    const { database, logger } = this.#options;
    const member = this.#member;
    await this.stop();
    if (member === null || this.#isFenced) return;
    const { node, epoch } = member;
    const own = this.#view?.slots.filter(({ owner }) => owner?.node === node) ?? [];
    const slots = own.map(({ slot, version }) => ({ slot, version }));
    try {
      await database.apply([
        { type: 'release_slots', owner: { node, epoch }, slots },
        { type: 'leave', node, epoch },
      ]);
    } catch (error) {
      logger.warn(
        { event: 'node_not_left', err: unavailable(error) },
        'the slots could not be given back: they pass on when the lease has ended',
      );
    }
  }

  /** Gives all slots up as they come to rest. Resolves when it is no node any more, or after `patienceMs`. */
  async leave(patienceMs: number): Promise<void> {
    if (this.#member === null || this.#isOver) return;
    const { clock } = this.#options;
    this.#member = { ...this.#member, isDraining: true };
    await new Promise<void>((resolve) => {
      const cancel = clock.after(patienceMs, resolve);
      this.#onLeft = () => {
        cancel();
        resolve();
      };
      this.#plan(0);
    });
  }

  /** Renews nothing any more. */
  async stop(): Promise<void> {
    this.#isOver = true;
    this.#stopTimer?.();
    this.#stopTimer = null;
    this.#tellRenewed();
    await this.#round;
  }

  #underWayIn(slot: number): UnderWay {
    const all = this.#users.map((user) => user.underWayIn(slot));
    return all.find((one) => one === 'writes') ?? all.find((one) => one === 'calls') ?? 'nothing';
  }

  #isLeaseAlive(): boolean {
    return leaseLeftMs(this.#lease, this.#clocks(), this.#times) > 0;
  }

  #clocks() {
    const { clock } = this.#options;
    return { wall: clock.now(), monotonic: clock.monotonic() };
  }

  #plan(delayMs: number): void {
    if (this.#isOver) return;
    this.#stopTimer?.();
    this.#stopTimer = this.#options.clock.after(delayMs, () => {
      this.#stopTimer = null;
      const isDraining = this.#member?.isDraining === true;
      const next = (): void => this.#plan(isDraining ? HURRY_MS : this.#times.heartbeatMs);
      // One after the other: a round builds on what the last one knew.
      this.#round = (this.#round ?? Promise.resolve()).then(() => this.#once()).then(next, next);
    });
  }

  async #once(): Promise<void> {
    const { logger } = this.#options;
    try {
      await this.#turn();
    } catch (error) {
      logger.warn(
        { event: 'cluster_round_failed', err: unavailable(error) },
        'the lease could not be renewed; trying again',
      );
    }
  }

  async #turn(): Promise<void> {
    const { clock, database, logger, onFenced, onView } = this.#options;
    const before = this.#member;
    if (before === null || this.#isOver) return;
    const hadLapsed = !this.#isLeaseAlive();
    const sentAt = this.#clocks();
    const view = await database.renew(renewalOf(before, this.#times));
    const lease = renewedLease(sentAt, this.#times);
    const member = { ...before, isDraining: this.#member?.isDraining === true };
    const round = planRound({
      member,
      view,
      isLeaseAlive: leaseLeftMs(lease, this.#clocks(), this.#times) > 0,
      now: clock.monotonic(),
      underWayIn: (slot) => this.#underWayIn(slot),
      options: { ...MEMBERSHIP, times: this.#times },
    });
    if (round.outcome === 'fenced') {
      this.#isOver = true;
      this.#isFenced = true;
      this.held.delete(this.held.slots());
      logger.error(
        { event: 'node_fenced', node: this.id },
        'other nodes took this one for dead; it begins anew',
      );
      this.#tellRenewed();
      onFenced();
      return;
    }
    this.#lease = lease;
    this.#view = view;
    this.#tellRenewed();
    if (round.outcome === 'left') {
      // The fence goes only when nothing more is written here: in `giveUp`.
      this.held.delete(this.held.slots());
      this.#onLeft?.();
      return;
    }
    this.#member = round.member;
    onView?.(view);
    if (!this.#isStarted) return;
    this.#serve(round.serves, hadLapsed);
    await this.#apply(round.operations);
  }

  #tellRenewed(): void {
    for (const resolve of this.#onRenewed.splice(0)) resolve();
  }

  async #apply(operations: readonly ClusterOperation[]): Promise<void> {
    const { database, logger } = this.#options;
    if (operations.length === 0) return;
    for (const operation of operations) {
      if (operation.type !== 'fence') continue;
      logger.warn(
        { event: 'node_taken_for_dead', node: operation.node },
        'a node has not renewed its lease; its slots pass on',
      );
    }
    await database.apply(operations);
  }

  /** Not waited for: the next renewal is not to be late because much has to be read. */
  #serve(slots: readonly number[], hadLapsed: boolean): void {
    const wanted = new Set(slots);
    for (const slot of this.#coming.keys()) if (!wanted.has(slot)) this.#coming.delete(slot);
    const lost = this.held.slots().filter((slot) => !wanted.has(slot));
    if (lost.length > 0) {
      this.held.delete(lost);
      for (const user of this.#users) user.leave(lost);
    }
    const gained = slots.filter((slot) => !this.held.has(slot) && !this.#coming.has(slot));
    if (gained.length > 0) this.#watch(this.#gain(gained));
    if (hadLapsed) this.#watch(Promise.all(this.#users.map((user) => user.gain([]))));
  }

  async #gain(slots: readonly number[]): Promise<void> {
    // What was read for a slot that was lost meanwhile, and has come again, says nothing about it.
    const tenure = {};
    for (const slot of slots) this.#coming.set(slot, tenure);
    const isComing = (slot: number): boolean => this.#coming.get(slot) === tenure;
    try {
      await Promise.all(this.#users.map((user) => user.prepare?.(slots) ?? Promise.resolve()));
      const still = slots.filter(isComing);
      this.held.add(still);
      await Promise.all(this.#users.map((user) => user.gain(still)));
    } finally {
      for (const slot of slots) if (isComing(slot)) this.#coming.delete(slot);
    }
  }

  #watch(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      this.#options.logger.error(
        { event: 'slots_not_taken_up', err: unavailable(error) },
        'what stands in new slots could not be read; it is looked for again',
      );
    });
  }
}

function renewalOf(member: Member, times: LeaseTimes) {
  const operation = renewal(member, times);
  if (operation.type !== 'renew') throw new TypeError(`a renewal is no ${operation.type}`);
  return operation;
}
