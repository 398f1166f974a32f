import type { ArmedAttempt, EndedAttempt, StoredResponse } from '@ezthrottle/engine';
import type { Statement } from './connection.ts';
import { Rejection } from './rejection.ts';
import type { WriteScope } from './write-scope.ts';

/** Attempts and what they gave: appended, never changed. */
export class AttemptWrites {
  readonly #arm: Statement;
  readonly #end: Statement;
  readonly #keepResponse: Statement;

  constructor({ connection }: WriteScope) {
    this.#arm = connection.prepare(
      `INSERT INTO attempts (job, attempt, leg, path, token, region, url, armed_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#end = connection.prepare(
      `INSERT INTO attempt_outcomes (job, attempt, outcome, status_code, error, started_at, ended_at)
       SELECT job, attempt, ?, ?, ?, ?, ? FROM attempts WHERE job = ? AND attempt = ? AND token = ?`,
    );
    this.#keepResponse = connection.prepare(
      `INSERT INTO responses (job, attempt, status, headers, body, body_encoding, truncated)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
  }

  arm(job: number, attempts: readonly ArmedAttempt[]): void {
    for (const { attempt, leg, path, token, region, url, armedAt } of attempts) {
      this.#arm.run(job, attempt, leg, path, token, region, url, armedAt);
    }
  }

  /** @throws Rejection when an attempt was not armed with this token. */
  end(job: number, attempts: readonly EndedAttempt[]): void {
    for (const ended of attempts) {
      const { changes } = this.#end.run(
        ended.outcome,
        ended.statusCode,
        ended.error,
        ended.startedAt,
        ended.endedAt,
        job,
        ended.attempt,
        ended.token,
      );
      if (changes === 0) {
        throw new Rejection(`ended: attempt ${ended.attempt} was not armed with this token`);
      }
      if (ended.response !== null) this.#keep(job, ended.attempt, ended.response);
    }
  }

  #keep(job: number, attempt: number, response: StoredResponse): void {
    this.#keepResponse.run(
      job,
      attempt,
      response.status,
      JSON.stringify(response.headers),
      response.body,
      response.bodyEncoding,
      response.truncated ? 1 : 0,
    );
  }
}
