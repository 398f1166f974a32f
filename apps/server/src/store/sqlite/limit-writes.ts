import type { LimitOperation, Verdict } from '@ezthrottle/engine';
import type { Statement } from './connection.ts';
import type { Interned } from './interned.ts';
import type { WriteScope } from './write-scope.ts';

type PutLimit = Extract<LimitOperation, { type: 'put_limit' }>;
type DeleteLimit = Extract<LimitOperation, { type: 'delete_limit' }>;

/** Limits as resources. */
export class LimitWrites {
  readonly #interned: Interned;
  readonly #insert: Statement;
  readonly #update: Statement;
  readonly #delete: Statement;
  readonly #find: Statement;

  constructor({ connection, interned }: WriteScope) {
    this.#interned = interned;
    this.#insert = connection.prepare(
      `INSERT INTO limits (organization, key, data, version, created_at, updated_at)
       VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    );
    this.#update = connection.prepare(
      `UPDATE limits SET data = ?, version = ?, created_at = ?, updated_at = ?
       WHERE organization = ? AND key = ? AND version = ?`,
    );
    this.#delete = connection.prepare(
      'DELETE FROM limits WHERE organization = ? AND key = ? AND version = ?',
    );
    this.#find = connection.prepare('SELECT 1 FROM limits WHERE organization = ? AND key = ?');
  }

  apply(operation: LimitOperation): Verdict {
    return operation.type === 'put_limit' ? this.#put(operation) : this.#remove(operation);
  }

  #put({ limit, replaces }: PutLimit): Verdict {
    const { key, data, version, createdAt, updatedAt } = limit;
    const organization = this.#interned.organization(limit.organization);
    if (replaces === null) {
      const { changes } = this.#insert.run(organization, key, data, version, createdAt, updatedAt);
      return changes === 0 ? { verdict: 'stale' } : { verdict: 'ok' };
    }
    const { changes } = this.#update.run(
      data,
      version,
      createdAt,
      updatedAt,
      organization,
      key,
      replaces,
    );
    return changes === 0 ? this.#refusal(organization, key) : { verdict: 'ok' };
  }

  #remove({ organization, key, version }: DeleteLimit): Verdict {
    const row = this.#interned.findOrganization(organization);
    if (row === null) return { verdict: 'gone' };
    const { changes } = this.#delete.run(row, key, version);
    return changes === 0 ? this.#refusal(row, key) : { verdict: 'ok' };
  }

  #refusal(organization: number, key: string): Verdict {
    return { verdict: this.#find.get(organization, key) === undefined ? 'gone' : 'stale' };
  }
}
