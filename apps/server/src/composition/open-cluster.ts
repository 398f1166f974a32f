import type { Clock, Id, PaceSettings, Store } from '@ezthrottle/engine';
import { ClusterNode } from '../cluster/cluster-node.ts';
import type { NodesView } from '../cluster/cluster-database.ts';
import { changesWhatAllKeep } from '../cluster/kept-by-all.ts';
import { Hearing } from '../cluster/hearing.ts';
import { leasedStore } from '../cluster/leased-store.ts';
import type { PeerMessage } from '../cluster/peer-message.ts';
import { PeerNewsWire, type PeerTransport } from '../cluster/peer-news.ts';
import { createSharedHub, type SharedHub } from '../cluster/shared-hub.ts';
import { DividedKeyTable } from '../cluster/division/divided-key-table.ts';
import { KeyDivider } from '../cluster/division/key-divider.ts';
import { LimitShares } from '../cluster/shares/limit-shares.ts';
import type { ShareRows } from '../cluster/shares/share-rows.ts';
import type { Config } from '../config.ts';
import type { Deliverer } from '../deliver/deliverer.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import { slotOfKey } from '../dispatch/shared-key.ts';
import type { createLogger } from '../observe/logger.ts';
import type { Outages } from '../observe/outages.ts';
import type { JobEventHub } from '../realtime/job-event-hub.ts';
import type { InboxRows } from '../inbox/inbox-rows.ts';
import { whereItWaits } from '../realtime/where-it-waits.ts';
import { createClusterRows } from '../store/postgres/cluster-rows.ts';
import { Database } from '../store/postgres/database.ts';
import { crowdedTables } from '../store/postgres/dead-rows.ts';
import { createDividedKeyRows } from '../store/postgres/divided-key-rows.ts';
import { createInboxRows } from '../store/postgres/inbox-rows.ts';
import { migrate } from '../store/postgres/migrate.ts';
import { MIGRATIONS } from '../store/postgres/migrations.ts';
import { requireMigrated } from '../store/postgres/schema-state.ts';
import { createNotifyTransport } from '../store/postgres/notify-transport.ts';
import { unavailable } from '../store/postgres/postgres-error.ts';
import { openPostgresStore } from '../store/postgres/postgres-store.ts';
import { createShareRows } from '../store/postgres/share-rows.ts';
import { createPeriodic } from '../upkeep/periodic.ts';
import { createVacuum } from '../upkeep/vacuum.ts';
import { VERSION } from '../version.ts';
import type { OnClose } from './on-close.ts';

/** What others tell a node, and what it has to look after because of that. */
export interface ClusterParts {
  readonly dispatcher: Dispatcher;
  readonly deliverer: Deliverer;
  readonly hub: SharedHub;
  /** A limit that several nodes may spend, as it is now, by its key; null: there is none. */
  readonly limitOf: (key: string) => PaceSettings | null;
  /** Reads again what every node keeps in memory, by the name of its revision. */
  readonly refresh: ReadonlyMap<string, () => Promise<void> | void>;
}

/** This process among the others. */
export interface Cluster {
  readonly node: ClusterNode;
  readonly peers: PeerNewsWire;
  /** What this node may spend of limits. */
  readonly shares: LimitShares;
  readonly shareRows: Pick<ShareRows, 'of'>;
  /** Destinations that are divided among nodes by account. */
  readonly divided: DividedKeyTable;
  /** What applications submit within their transactions. */
  readonly inbox: InboxRows;
  sharedHub(local: JobEventHub): SharedHub;
  /** Whether this node hears what others tell it; null: it is not to be told anything. */
  isHearing(): boolean | null;
  /** Reads what other nodes have changed of that which every node keeps in memory. Never rejects. */
  readonly catchUp: () => Promise<void>;
  /** Does something while no other node does such a thing. */
  alone<Result>(act: () => Promise<Result>): Promise<Result>;
  /** Told when another node has begun a redrive. */
  onRedrive(listener: () => void): void;
  /** Takes slots and listens, from now on. */
  start(parts: ClusterParts): Promise<void>;
}

export interface ClusterOptions {
  readonly config: Config;
  readonly databaseUrl: string;
  readonly clock: Clock;
  readonly newId: () => Id;
  readonly logger: ReturnType<typeof createLogger>;
  readonly outages: Pick<Outages, 'answered'>;
  readonly onFenced: () => void;
}

/** How often a node looks for work that nobody has told it of, in milliseconds: while it hears the others, and else. */
const LOOK_EVERY_MS = { told: 5_000, untold: 1_000 };

/** How often it is looked whether destinations are to be divided, in milliseconds. */
const DIVIDE_EVERY_MS = 1_000;

/** Joins the nodes that share a database, with slots only after `start`. */
export async function openCluster(
  options: ClusterOptions,
  onClose: OnClose,
): Promise<{ readonly store: Store; readonly cluster: Cluster }> {
  const { config, clock, databaseUrl: url, logger } = options;
  const { databaseSchema: schema, databasePrepare: prepare } = config;
  const database = new Database({
    url,
    schema,
    prepare,
    connections: 3,
    applicationName: 'ezthrottle node',
  });
  onClose(() => database.close());
  if (config.migrate) {
    const applied = await migrate(database, MIGRATIONS, clock);
    if (applied.length > 0) {
      logger.info({ event: 'store_migrated', versions: applied }, 'schema migrated');
    }
  } else await requireMigrated(database, MIGRATIONS);
  const rows = createClusterRows(database);
  let onView = (_view: NodesView): void => undefined;
  const node = new ClusterNode({
    database: rows,
    clock,
    facts: {
      node: options.newId(),
      version: VERSION,
      regions: config.regions === 'any' ? [] : config.regions.map(({ name }) => name),
      url: config.nodeUrl,
    },
    onView(view) {
      options.outages.answered();
      onView(view);
    },
    onFenced: options.onFenced,
    logger,
  });
  await node.join();
  onClose(() => node.stop());
  const store = await openPostgresStore({
    url,
    schema,
    prepare,
    connections: config.databasePool,
    retryForMs: config.databaseRetryMs,
    migrate: false,
    fence: { node: node.id, epoch: node.epoch },
    clock,
    logger,
  });
  onClose(() => store.close());
  // Its transactions are held while jobs are written: heartbeats must not wait for them.
  const inbox = new Database({
    url,
    schema,
    prepare,
    connections: 1,
    applicationName: 'ezthrottle inbox',
  });
  onClose(() => inbox.close());
  const transport = config.databaseNotify
    ? await createNotifyTransport({
        listenUrl: config.databaseListenUrl ?? url,
        database,
        clock,
      })
    : SILENT;
  let onMessage = (_message: PeerMessage): void => undefined;
  const peers = new PeerNewsWire({
    self: node.id,
    clock,
    transport,
    onMessage: (message) => onMessage(message),
    onOwn: () => hearing?.heard(),
  });
  onClose(() => peers.close());
  const hearing = config.databaseNotify
    ? new Hearing({
        clock,
        say: () => peers.say(),
        listenAnew: () => transport.listenAnew(),
        obstacle: () => transport.obstacle(),
        logger,
      })
    : null;
  let limitOf: ClusterParts['limitOf'] = () => null;
  let division: Dispatcher['division'] | null = null;
  const owner = { node: node.id, epoch: node.epoch };
  const dividedRows = createDividedKeyRows(database, owner);
  const divided = new DividedKeyTable({
    rows: dividedRows,
    clock,
    tell: () => peers.revised(),
    onError: (error) =>
      logger.warn({ event: 'pause_not_told', err: error }, 'other nodes were not told of a pause'),
  });
  const shareRows = createShareRows(database);
  const shares = new LimitShares({
    rows: shareRows,
    clock,
    owner,
    slots: () => node.held.slots(),
    mayAct: () => node.held.mayAct(),
    settingsOf: (key) => limitOf(key),
    homeKeys: {
      shared: (key) => division?.shared(key),
      alone: (key) => division?.alone(key),
    },
    tell: (keys) => peers.limits(keys),
    onError: (error) =>
      logger.warn(
        { event: 'limits_not_shared', err: unavailable(error) },
        'shares of limits could not be read or written; trying again',
      ),
  });
  const divider = new KeyDivider({
    rows: dividedRows,
    known: divided,
    atHome: () => division?.atHome() ?? [],
    othersOf: (key) => shares.othersOf(key),
    holds: (slot) => node.held.has(slot) && node.held.mayAct(),
    isAlone: () => node.others.length === 0,
    callsPerSecond: config.splitCalls,
    tell: () => peers.revised(),
    logger,
  });
  const dividing = createPeriodic({
    name: 'divide',
    clock,
    everyMs: DIVIDE_EVERY_MS,
    round: () => divider.round(),
    onError: (error) =>
      logger.warn(
        { event: 'destinations_not_divided', err: error },
        'destinations could not be divided anew; trying again',
      ),
  });
  const vacuum = createVacuum({
    tables: crowdedTables(database),
    clock,
    isOurs: () => node.held.has(0),
    onError: (error) =>
      logger.warn(
        { event: 'vacuum_failed', err: unavailable(error) },
        'dead rows could not be cleared away; trying again',
      ),
  });
  const looking = createPeriodic({
    name: 'look',
    clock,
    everyMs: LOOK_EVERY_MS.untold,
    round: () => lookWhenDue(),
    onError: (error) =>
      logger.error({ event: 'work_unreadable', err: error }, 'work of other nodes cannot be read'),
  });
  let look = (): Promise<void> => Promise.resolve();
  let lookedAt = Number.NEGATIVE_INFINITY;
  async function lookWhenDue(): Promise<void> {
    const isDue = clock.monotonic() >= lookedAt + LOOK_EVERY_MS.told;
    if (hearing?.isHeard === true && !isDue) return;
    lookedAt = clock.monotonic();
    await look();
  }
  let catchUp = (): Promise<void> => Promise.resolve();
  let onRedrive = (): void => undefined;

  return {
    store: leasedStore(
      store,
      () => node.leased(),
      (batch) => {
        if (changesWhatAllKeep(batch)) peers.revised();
      },
    ),
    cluster: {
      node,
      peers,
      shares,
      shareRows,
      divided,
      inbox: createInboxRows(inbox, clock),
      isHearing: () => hearing?.isHeard ?? null,
      catchUp: () => catchUp(),
      alone: (act) => rows.alone(act),
      onRedrive(listener) {
        onRedrive = listener;
      },
      sharedHub: (local) => createSharedHub(local, peers, clock),
      async start(parts) {
        const revisions = createRevisions(parts.refresh, logger);
        onView = (view) => void revisions.seen(view.revisions);
        catchUp = async () => {
          try {
            await revisions.seen(await rows.revisions());
          } catch (error) {
            logger.error(
              { event: 'change_unreadable', err: unavailable(error) },
              'a change cannot be read',
            );
          }
        };
        onMessage = (message) => heed(message, parts);
        look = () => parts.dispatcher.look(undefined);
        limitOf = parts.limitOf;
        onClose(() => parts.hub.stop());
        onClose(() => shares.stop());
        shares.start();
        // What is divided is known before anything is taken in or sent.
        division = parts.dispatcher.division;
        await divided.refresh();
        await node.start([shares, parts.dispatcher, parts.deliverer]);
        await looking.start();
        onClose(() => looking.stop());
        hearing?.start();
        onClose(() => Promise.resolve(hearing?.stop()));
        await dividing.start();
        onClose(() => dividing.stop());
        await vacuum.start();
        onClose(() => vacuum.stop());
      },
    },
  };

  function heed(message: PeerMessage, { dispatcher, deliverer, hub }: ClusterParts): void {
    const { put, slots, due, moved, notices, watched, limits, revised, redrives } = message;
    if (put.length > 0) dispatcher.found(put);
    const own = slots.filter((slot) => node.held.has(slot));
    if (own.length > 0) {
      dispatcher.look(own).catch((error: unknown) => {
        logger.error(
          { event: 'work_unreadable', err: error },
          'work of other nodes cannot be read',
        );
      });
    }
    if (due.some((slot) => node.held.has(slot))) deliverer.wake();
    for (const id of moved) dispatcher.overtaken(id);
    for (const notice of notices) hub.heard(notice);
    if (revised.length > 0) void catchUp();
    if (redrives.length > 0) onRedrive();
    if (limits.length > 0) shares.heard(limits, slotOfKey);
    // Whoever has just come to watch there has not heard what was told here before.
    for (const id of hub.watchedElsewhere(watched)) void tellWhereItWaits(id, { dispatcher, hub });
  }

  async function tellWhereItWaits(
    id: Id,
    { dispatcher, hub }: Pick<ClusterParts, 'dispatcher' | 'hub'>,
  ): Promise<void> {
    const waitOf = dispatcher.waitOf.bind(dispatcher);
    try {
      const notices = await whereItWaits(id, { jobs: store.jobs, waitOf, clock });
      for (const notice of notices) hub.publish(notice);
    } catch {
      // Who watches is told when the line moves.
    }
  }
}

/** Nobody is told anything: what was written is found by looking. */
const SILENT: PeerTransport = {
  send: () => Promise.resolve(),
  onText: () => undefined,
  listenAnew: () => Promise.resolve(),
  obstacle: () => null,
  close: () => Promise.resolve(),
};

/** Reads again what has changed elsewhere, one thing at a time. */
function createRevisions(
  refresh: ClusterParts['refresh'],
  logger: { error(details: object, message: string): void },
) {
  const known = new Map<string, number>();
  let last = Promise.resolve();
  return {
    /** Resolves when all that has changed was read. */
    seen(revisions: ReadonlyMap<string, number>): Promise<void> {
      for (const [name, number] of revisions) {
        if (known.get(name) === number) continue;
        known.set(name, number);
        const read = refresh.get(name);
        if (read === undefined) continue;
        last = last.then(async () => {
          try {
            await read();
          } catch (error) {
            // The next change, or the next round, brings it.
            known.delete(name);
            logger.error(
              { event: 'change_unreadable', name, err: error },
              'a change cannot be read',
            );
          }
        });
      }
      return last;
    },
  };
}
