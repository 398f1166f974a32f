import {
  erasedSpec,
  type Erasure,
  type Id,
  type PrivacyOperation,
  type Verdict,
} from '@ezthrottle/engine';
import type { Row, Statement } from './connection.ts';
import type { Erasing } from './erasing.ts';
import { identifierBytes } from '../rows/identifier.ts';
import type { Interned } from './interned.ts';
import type { PruneWrites } from './prune-writes.ts';
import { flag, integer, optionalText, text } from '../rows/row.ts';
import { restoredSpec, storedSpec } from '../rows/stored-spec.ts';
import type { WriteScope } from './write-scope.ts';

type PutDocument = Extract<PrivacyOperation, { type: 'put_document' }>;

/** Takes away what is not to be kept, and overwrites it on the disk. */
export class PrivacyWrites {
  readonly #erasing: Erasing;
  readonly #interned: Interned;
  readonly #pruning: PruneWrites;
  readonly #putDocument: Statement;
  readonly #deleteDocument: Statement;
  readonly #ended: Statement;
  readonly #payload: Statement;
  readonly #putPayload: Statement;
  readonly #ofAttempts: Readonly<Record<Erasure['part'], readonly Statement[]>>;
  readonly #forget: Statement;

  constructor({ connection, interned, erasing }: WriteScope, pruning: PruneWrites) {
    this.#erasing = erasing;
    this.#interned = interned;
    this.#pruning = pruning;
    this.#putDocument = connection.prepare(
      `INSERT INTO documents (organization, kind, name, data) VALUES (?, ?, ?, ?)
       ON CONFLICT (organization, kind, name) DO UPDATE SET data = excluded.data`,
    );
    this.#deleteDocument = connection.prepare(
      'DELETE FROM documents WHERE organization = ? AND kind = ? AND name = ?',
    );
    this.#ended = connection.prepare(
      `SELECT jobs.*, tags IS NOT NULL AS is_tagged, EXISTS (
         SELECT 1 FROM deliveries
         WHERE deliveries.id BETWEEN jobs.id * 4096 AND jobs.id * 4096 + 4095 AND deliveries.state = 0
       ) AS is_delivering
       FROM jobs WHERE public_id = ? AND organization = ? AND ended_at IS NOT NULL`,
    );
    this.#payload = connection.prepare('SELECT * FROM job_payloads WHERE job = ?');
    this.#putPayload = connection.prepare(
      'UPDATE job_payloads SET spec = ?, body = ? WHERE job = ?',
    );
    const ofJob = 'id BETWEEN ?1 * 1048576 AND ?1 * 1048576 + 1048575';
    const prepared = (sql: string): Statement => connection.prepare(sql);
    this.#ofAttempts = {
      bodies: [
        `UPDATE attempts SET body = '', is_base64 = 0, truncated = 1 WHERE ${ofJob} AND body <> ''`,
      ].map(prepared),
      headers: [`UPDATE attempts SET headers = '{}' WHERE ${ofJob} AND headers IS NOT NULL`].map(
        prepared,
      ),
      attempts: [
        `DELETE FROM attempts WHERE ${ofJob}`,
        'DELETE FROM delivery_attempts WHERE delivery BETWEEN ?1 * 4096 AND ?1 * 4096 + 4095',
      ].map(prepared),
      request: [],
    };
    this.#forget = connection.prepare(
      `UPDATE accounts SET user_id = 'erased:' || hex(randomblob(16))
       WHERE user_id = ?2 AND api_key IN (SELECT id FROM api_keys WHERE organization = ?1)`,
    );
  }
  apply(operation: PrivacyOperation): Verdict {
    switch (operation.type) {
      case 'put_document':
        return this.#put(operation);
      case 'erase_jobs':
        return this.#eachEnded(operation, (row) => {
          if (flag(row, 'is_delivering')) return false;
          this.#erase(integer(row, 'id'), operation.erasure);
          return true;
        });
      case 'remove_jobs':
        return this.#eachEnded(operation, (row) => {
          if (isNeeded(row, operation.unlessNeededAt)) return false;
          this.#pruning.remove(row);
          return true;
        });
      case 'forget_account': {
        const organization = this.#interned.findOrganization(operation.organization);
        const count =
          organization === null ? 0 : this.#forget.run(organization, operation.userId).changes;
        this.#erasing.done();
        this.#interned.forget();
        return { verdict: 'ok', count };
      }
    }
  }

  #put({ organization, kind, name, data }: PutDocument): Verdict {
    const owner = this.#interned.organization(organization);
    if (data === null) this.#deleteDocument.run(owner, kind, name);
    else this.#putDocument.run(owner, kind, name, data);
    return { verdict: 'ok' };
  }

  #eachEnded(
    { organization, jobIds }: { readonly organization: Id; readonly jobIds: readonly Id[] },
    change: (row: Row) => boolean,
  ): Verdict {
    const owner = this.#interned.findOrganization(organization);
    if (owner === null) return { verdict: 'ok', count: 0, left: [] };
    let count = 0;
    const left: Id[] = [];
    for (const id of jobIds) {
      const bytes = identifierBytes(id);
      const row = bytes === null ? undefined : this.#ended.get(bytes, owner);
      if (row === undefined) continue;
      if (change(row)) count += 1;
      else left.push(id);
    }
    this.#erasing.done();
    return { verdict: 'ok', count, left };
  }

  #erase(job: number, erasure: Erasure): void {
    const row = this.#payload.get(job);
    if (row === undefined) return;
    const spec = restoredSpec({
      method: text(row, 'method'),
      url: text(row, 'url'),
      spec: text(row, 'spec'),
      body: optionalText(row, 'body'),
    });
    const erased = storedSpec(erasedSpec(spec, erasure));
    this.#putPayload.run(erased.spec, erased.body, job);
    for (const statement of this.#ofAttempts[erasure.part]) statement.run(job);
  }
}

function isNeeded(row: Row, at: number | null): boolean {
  if (at === null) return false;
  return flag(row, 'is_delivering') || integer(row, 'ended_at') + integer(row, 'window_ms') > at;
}
