import type { Operation, Verdict } from '@ezthrottle/engine';
import { StoreFailedError } from '../store-failed-error.ts';
import { createOperationWrites, type OperationWrites } from './operation-writes.ts';
import { rejectionReason } from './rejection.ts';
import type { WriteScope } from './write-scope.ts';

/**
 * Writes a batch in one transaction. Nearly every batch holds no operation that must be refused, so
 * the first try does without savepoints; when one is refused, the batch runs again with one each.
 */
export class BatchCommit {
  readonly #scope: WriteScope;
  readonly #writes: OperationWrites;

  constructor(scope: WriteScope) {
    this.#scope = scope;
    this.#writes = createOperationWrites(scope);
  }

  /** @throws StoreFailedError when the batch is not on disk. */
  commit(batch: readonly Operation[]): readonly Verdict[] {
    const verdicts = this.#attempt(() => batch.map((operation) => this.#writes.apply(operation)));
    if (verdicts !== null) return verdicts;
    const isolated = this.#attempt(() => batch.map((operation) => this.#applyAlone(operation)));
    if (isolated !== null) return isolated;
    throw new StoreFailedError('a batch was refused as a whole, though each operation stood alone');
  }

  /** Null when an operation was refused and all was rolled back. */
  #attempt(apply: () => readonly Verdict[]): readonly Verdict[] | null {
    const { connection, counts } = this.#scope;
    try {
      connection.execute('BEGIN IMMEDIATE');
      const verdicts = apply();
      counts.write();
      connection.execute('COMMIT');
      return verdicts;
    } catch (error) {
      this.#rollBack();
      if (rejectionReason(error) !== null) return null;
      throw new StoreFailedError('the batch could not be written', { cause: error });
    }
  }

  #applyAlone(operation: Operation): Verdict {
    const { connection, counts, interned } = this.#scope;
    const countsBefore = counts.snapshot();
    connection.execute('SAVEPOINT operation');
    try {
      const verdict = this.#writes.apply(operation);
      connection.execute('RELEASE operation');
      return verdict;
    } catch (error) {
      const reason = rejectionReason(error);
      if (reason === null) throw error;
      connection.execute('ROLLBACK TO operation');
      connection.execute('RELEASE operation');
      counts.restore(countsBefore);
      interned.forget();
      return { verdict: 'rejected', reason };
    }
  }

  #rollBack(): void {
    const { connection, counts, interned } = this.#scope;
    counts.restore(new Map());
    interned.forget();
    try {
      // A full disk or an I/O error may have ended the transaction already.
      if (connection.isInTransaction) connection.execute('ROLLBACK');
    } catch (error) {
      throw new StoreFailedError('the batch could not be rolled back', { cause: error });
    }
  }
}
