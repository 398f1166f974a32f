import type { RedriveOperation, Verdict } from '@ezthrottle/engine';
import { boundedLimit } from '../rows/bounded-limit.ts';
import { REDRIVE_OUTCOME_CODES } from '../rows/codes.ts';
import type { Statement } from './connection.ts';
import type { Interned } from './interned.ts';
import { requiredIdentifier } from '../rows/identifier.ts';
import type { ReplayWrites } from './replay-writes.ts';
import { integer } from '../rows/row.ts';
import type { WriteScope } from './write-scope.ts';

type PutRedrive = Extract<RedriveOperation, { type: 'put_redrive' }>;

/** Redrives and their items. */
export class RedriveWrites {
  readonly #interned: Interned;
  readonly #replays: ReplayWrites;
  readonly #find: Statement;
  readonly #insert: Statement;
  readonly #update: Statement;
  readonly #putItem: Statement;
  readonly #selectOld: Statement;
  readonly #deletions: readonly Statement[];

  constructor({ connection, interned }: WriteScope, replays: ReplayWrites) {
    this.#replays = replays;
    this.#interned = interned;
    this.#find = connection.prepare('SELECT id, organization FROM redrives WHERE public_id = ?');
    this.#insert = connection.prepare(
      `INSERT INTO redrives (public_id, organization, data, version, created_at, ended_at)
       VALUES (?, ?, ?, ?, ?, ?)`,
    );
    this.#update = connection.prepare(
      'UPDATE redrives SET data = ?, version = ?, ended_at = ? WHERE id = ? AND version = ?',
    );
    this.#putItem = connection.prepare(
      `INSERT INTO redrive_items (redrive, number, source, result, outcome) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (redrive, number) DO UPDATE SET result = excluded.result, outcome = excluded.outcome`,
    );
    this.#selectOld = connection.prepare(
      'SELECT id FROM redrives WHERE ended_at < ? ORDER BY ended_at LIMIT ?',
    );
    this.#deletions = [
      'DELETE FROM redrive_items WHERE redrive = ?',
      'DELETE FROM redrives WHERE id = ?',
    ].map((sql) => connection.prepare(sql));
  }

  apply(operation: RedriveOperation): Verdict {
    if (operation.type === 'put_redrive') return this.#put(operation);
    const rows = this.#selectOld.all(operation.before, boundedLimit(operation.limit));
    for (const row of rows) {
      for (const deletion of this.#deletions) deletion.run(integer(row, 'id'));
    }
    return { verdict: 'ok', count: rows.length };
  }

  #put({ redrive, replaces, items, replays = [] }: PutRedrive): Verdict {
    const { data, version, createdAt, endedAt } = redrive;
    const id = requiredIdentifier(redrive.id, 'redrive.id');
    const organization = this.#interned.organization(redrive.organization);
    const known = this.#find.get(id);
    if (known !== undefined && integer(known, 'organization') !== organization) {
      return { verdict: 'stale' };
    }
    if ((known === undefined) !== (replaces === null)) {
      return { verdict: replaces === null ? 'stale' : 'gone' };
    }
    const row =
      known === undefined
        ? this.#insert.run(id, organization, data, version, createdAt, endedAt).rowId
        : integer(known, 'id');
    if (known !== undefined) {
      const { changes } = this.#update.run(data, version, endedAt, row, replaces);
      if (changes === 0) return { verdict: 'stale' };
    }
    for (const { number, source, result, outcome } of items) {
      this.#putItem.run(
        row,
        number,
        requiredIdentifier(source, 'items.source'),
        result === null ? null : requiredIdentifier(result, 'items.result'),
        REDRIVE_OUTCOME_CODES.codeOf(outcome),
      );
    }
    for (const replay of replays) {
      const { organization: owner } = redrive;
      this.#replays.apply({ type: 'replay_delivery', organization: owner, ...replay });
    }
    return { verdict: 'ok' };
  }
}
