import type {
  Operation,
  PlainOperation,
  PutPaceOperation,
  RedriveOperation,
  Store,
  Verdict,
} from '@ezthrottle/engine';
import { DeadLetterQueries } from './dead-letter-queries.ts';
import { RedriveTables } from './redrive-tables.ts';
import { addDelivery, replayDelivery } from './replay-writes.ts';
import { AuditTables } from './audit-tables.ts';
import { endDelivery, prune, putEndpoint, settleDelivery } from './delivery-writes.ts';
import { JobQueries } from './job-queries.ts';
import { JobTables } from './job-tables.ts';
import { JobWrites } from './job-writes.ts';
import { LimitTables } from './limit-tables.ts';
import { PrivacyTables } from './privacy-tables.ts';
import { MemoryStoreClosedError, Rejection } from './store-errors.ts';
import { TenancyTables } from './tenancy-tables.ts';
import { DeliveryQueries, WorkQueries } from './work-queries.ts';

/**
 * The engine's store in memory. It keeps every promise of the port but one: it ends with its process.
 * `new MemoryStore(earlier)` goes on with what an earlier one holds, as after a restart.
 */
export class MemoryStore implements Store {
  readonly jobs: JobQueries;
  readonly work: WorkQueries;
  readonly deliveries: DeliveryQueries;
  readonly tenancy: TenancyTables;
  readonly limits: LimitTables;
  readonly privacy: PrivacyTables;
  readonly audit: AuditTables;
  readonly deadLetters: DeadLetterQueries;
  readonly redrives: RedriveTables;
  readonly #tables: JobTables;
  readonly #paces: Map<string, PutPaceOperation['rows'][number]>;
  readonly #writes: JobWrites;
  readonly #listeners = new Set<() => void>();
  #isClosed = false;

  constructor(earlier?: MemoryStore) {
    this.#tables = earlier === undefined ? new JobTables() : earlier.#tables;
    this.#paces = earlier === undefined ? new Map() : earlier.#paces;
    this.tenancy = earlier === undefined ? new TenancyTables() : earlier.tenancy;
    this.limits = earlier === undefined ? new LimitTables(this.tenancy) : earlier.limits;
    this.audit = earlier === undefined ? new AuditTables(this.tenancy) : earlier.audit;
    this.redrives = earlier === undefined ? new RedriveTables(this.tenancy) : earlier.redrives;
    this.deadLetters = new DeadLetterQueries(this.#tables);
    this.privacy = new PrivacyTables(this.#tables, this.tenancy, earlier?.privacy);
    this.#writes = new JobWrites(this.#tables, this.tenancy);
    this.jobs = new JobQueries(this.#tables);
    this.work = new WorkQueries(this.#tables, this.#paces);
    this.deliveries = new DeliveryQueries(this.#tables);
  }

  async commit(batch: readonly Operation[]): Promise<readonly Verdict[]> {
    return batch.map((operation) => this.commitNow(operation));
  }

  /** The same for one operation, at once. */
  commitNow(operation: Operation): Verdict {
    if (this.#isClosed) throw new MemoryStoreClosedError();
    try {
      const verdict = this.#apply(operation);
      for (const listener of this.#listeners) listener();
      return verdict;
    } catch (error) {
      if (error instanceof Rejection) return { verdict: 'rejected', reason: error.message };
      throw error;
    }
  }

  /** Told after everything that is written. The returned function ends that. */
  onWritten(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Nothing of it is on any disk. */
  async bytes(): Promise<number> {
    return 0;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #apply(operation: Operation): Verdict {
    if (operation.type !== 'audited') return this.#applyPlain(operation);
    this.audit.check(operation.entry);
    const verdict = this.#applyPlain(operation.operation);
    if (verdict.verdict === 'ok') this.audit.put(operation.entry);
    return verdict;
  }

  #applyToRedrives(operation: RedriveOperation): Verdict {
    const verdict = this.redrives.apply(operation);
    if (operation.type !== 'put_redrive' || verdict.verdict !== 'ok') return verdict;
    const { organization } = operation.redrive;
    for (const replay of operation.replays ?? []) {
      replayDelivery(this.#tables, { type: 'replay_delivery', organization, ...replay });
    }
    return verdict;
  }

  #applyPlain(operation: PlainOperation): Verdict {
    switch (operation.type) {
      case 'submit':
        return this.#writes.submit(operation.job);
      case 'replace':
        return this.#writes.replace(operation);
      case 'advance':
        return this.#writes.advance(operation);
      case 'stage':
        return this.#writes.stage(operation);
      case 'settle_delivery':
        return settleDelivery(this.#tables, operation);
      case 'end_delivery':
        return endDelivery(this.#tables, operation);
      case 'put_endpoint':
        return putEndpoint(this.#tables, operation);
      case 'put_signing_key':
      case 'delete_signing_keys':
        return this.tenancy.applyToKeys(operation);
      case 'put_document':
      case 'erase_jobs':
      case 'remove_jobs':
      case 'forget_account':
        return this.privacy.apply(operation);
      case 'put_secret':
      case 'delete_secret':
      case 'reseal':
        return this.tenancy.applyToSecrets(operation);
      case 'prune':
        return prune(this.#tables, operation);
      case 'put_pace':
        for (const row of operation.rows) {
          this.#paces.set(JSON.stringify([row.organization, row.origin]), row);
        }
        for (const { organization, origin } of operation.forgotten ?? []) {
          this.#paces.delete(JSON.stringify([organization, origin]));
        }
        return { verdict: 'ok' };
      case 'put_limit':
      case 'delete_limit':
        return this.limits.apply(operation);
      case 'put_organization':
      case 'put_api_key':
      case 'touch_api_keys':
      case 'put_webhook_secrets':
      case 'delete_webhook_secrets':
      case 'rotate_webhook_secrets':
        return this.tenancy.apply(operation);
      case 'replay_delivery':
        return replayDelivery(this.#tables, operation);
      case 'add_delivery':
        return addDelivery(this.#tables, operation);
      case 'put_redrive':
      case 'prune_redrives':
        return this.#applyToRedrives(operation);
      case 'put_audit':
      case 'prune_audit':
        return this.audit.apply(operation);
    }
  }
}
