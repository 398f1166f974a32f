import type { LineEntry } from '../pace/fair-line.ts';
import type { Id } from '../ports/operation.ts';

/** A leg in line. It is a hint: whether the leg really waits is seen when it is armed. */
export interface LineRef extends LineEntry {
  readonly jobId: Id;
  readonly leg: number;
}

/** An attempt that is written down and may be sent as soon as the pace allows. */
export interface ArmedRef {
  readonly jobId: Id;
  readonly leg: number;
  readonly attempt: number;
  readonly token: string;
}

export function lineRef(row: Omit<LineRef, 'id'>): LineRef {
  const { jobId, leg, apiKey, userId, rank } = row;
  return { id: lineId(jobId, leg), jobId, leg, apiKey, userId, rank };
}

export function lineId(jobId: Id, leg: number): string {
  return `${jobId}:${leg}`;
}
