import type { AdvanceOperation, NewJob, NewWork } from '@ezthrottle/engine';
import { Rejection } from './store-errors.ts';
import type { StoredJob } from './stored-job.ts';

const IDENTIFIER = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;

/** Looks at a job before anything of it is written. @throws {Rejection} */
export function checkNewJob(job: NewJob): void {
  checkIdentifier(job.id, 'id');
  if (job.parent !== null) checkIdentifier(job.parent.id, 'parent.id');
  checkWork(job.work);
  checkArmed(job.armed, new Set());
}

/** Looks at a step of a job, but not at its children. @throws {Rejection} */
export function checkAdvance(stored: StoredJob, operation: AdvanceOperation): void {
  checkWork(operation.putWork);
  const known = new Set(stored.attempts.keys());
  checkArmed(operation.armed, known);
  for (const { attempt, token } of operation.ended) {
    const armed =
      stored.attempts.get(attempt)?.armed ??
      operation.armed.find((candidate) => candidate.attempt === attempt);
    if (armed?.token !== token) {
      throw new Rejection(`ended: attempt ${attempt} was not armed with this token`);
    }
    if ((stored.attempts.get(attempt)?.ended ?? null) !== null) {
      throw new Rejection(`ended: attempt ${attempt} has ended already`);
    }
  }
  for (const { id } of operation.deliveries) checkIdentifier(id, 'deliveries.id');
}

/** @throws {Rejection} */
export function checkIdentifier(id: string, path: string): void {
  if (!IDENTIFIER.test(id)) {
    throw new Rejection(`${path}: expected a UUID in lower case with dashes`);
  }
}

function checkWork(rows: readonly NewWork[]): void {
  for (const { rank, readyAt } of rows) {
    if (!Number.isFinite(rank) || !Number.isFinite(readyAt)) {
      throw new Rejection('work: rank and readyAt must be numbers');
    }
  }
}

function checkArmed(armed: NewJob['armed'], known: Set<number>): void {
  for (const { attempt } of armed) {
    if (known.has(attempt)) throw new Rejection(`armed: attempt ${attempt} was armed before`);
    known.add(attempt);
  }
}
