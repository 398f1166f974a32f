import { type ArmedAttempt, attemptStart, type EndedAttempt } from '@ezthrottle/engine';
import { OUTCOME_CODES } from '../rows/codes.ts';
import type { Statement } from './connection.ts';
import type { WriteScope } from './write-scope.ts';

/** Attempts and what they gave: appended when they have ended, never changed. */
export class AttemptWrites {
  readonly #insert: Statement;

  constructor({ connection }: WriteScope) {
    this.#insert = connection.prepare(
      `INSERT INTO attempts (id, leg, path, region, url, armed_at, outcome, status_code, error,
         started_at, ended_at, retry_at, response_status, truncated, is_base64, headers, body)
       VALUES (? * 1048576 + ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
  }

  /** @param armed Holds every one of the ended, as it was armed. */
  end(job: number, ended: readonly EndedAttempt[], armed: readonly ArmedAttempt[]): void {
    for (const one of ended) {
      const begun = armed.find(({ attempt }) => attempt === one.attempt);
      if (begun !== undefined) this.#append(job, begun, one);
    }
  }

  #append(job: number, armed: ArmedAttempt, ended: EndedAttempt): void {
    const { response } = ended;
    this.#insert.run(
      job,
      ended.attempt,
      armed.leg,
      armed.path,
      armed.region,
      armed.url,
      armed.armedAt,
      OUTCOME_CODES.codeOf(ended.outcome),
      ended.statusCode,
      ended.error,
      attemptStart(armed, ended),
      ended.endedAt,
      ended.retryAt ?? null,
      response === null ? null : response.status,
      response === null ? null : response.truncated ? 1 : 0,
      response === null ? null : response.bodyEncoding === 'base64' ? 1 : 0,
      response === null ? null : JSON.stringify(response.headers),
      response === null ? null : response.body,
    );
  }
}
