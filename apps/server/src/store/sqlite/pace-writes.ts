import type { PutPaceOperation } from '@ezthrottle/engine';
import type { Statement } from './connection.ts';
import type { Interned } from './interned.ts';
import type { WriteScope } from './write-scope.ts';

/** What destinations have taught. */
export class PaceWrites {
  readonly #interned: Interned;
  readonly #put: Statement;

  constructor({ connection, interned }: WriteScope) {
    this.#interned = interned;
    this.#put = connection.prepare(
      `INSERT INTO pace (destination, data) VALUES (?, ?)
       ON CONFLICT (destination) DO UPDATE SET data = excluded.data`,
    );
  }

  put(rows: PutPaceOperation['rows']): void {
    for (const { organization, origin, data } of rows) {
      const destination = this.#interned.destination(
        this.#interned.organization(organization),
        origin,
      );
      this.#put.run(destination, data);
    }
  }
}
