import type { PutPaceOperation } from '@ezthrottle/engine';
import type { Statement } from './connection.ts';
import type { Interned } from './interned.ts';
import type { WriteScope } from './write-scope.ts';

/** What destinations have taught. */
export class PaceWrites {
  readonly #interned: Interned;
  readonly #put: Statement;
  readonly #forget: Statement;

  constructor({ connection, interned }: WriteScope) {
    this.#interned = interned;
    this.#put = connection.prepare(
      `INSERT INTO pace (destination, data) VALUES (?, ?)
       ON CONFLICT (destination) DO UPDATE SET data = excluded.data`,
    );
    this.#forget = connection.prepare('DELETE FROM pace WHERE destination = ?');
  }

  put({ rows, forgotten = [] }: PutPaceOperation): void {
    for (const { organization, origin, data } of rows) {
      const destination = this.#interned.destination(
        this.#interned.organization(organization),
        origin,
      );
      this.#put.run(destination, data);
    }
    for (const { organization, origin } of forgotten) {
      const owner = this.#interned.findOrganization(organization);
      const known = owner === null ? null : this.#interned.findDestination(owner, origin);
      if (known !== null) this.#forget.run(known);
    }
  }
}
