import type { TraceEvent } from './system-trace.ts';

export interface FsyncOrder {
  /** Answers that told of accepted jobs, each once per job. */
  readonly answers: number;
  /** Flushes of the log that came to an end. */
  readonly flushes: number;
  /** Jobs that were answered before a flush of the log that holds them had come to an end. */
  readonly early: readonly string[];
}

const FRAME_HEADER_BYTES = 24;
const SMALLEST_PAGE_BYTES = 512;

/**
 * Follows each job from the log of the database to its answer. A job counts as written when the frame
 * that commits its transaction is in the log, and as flushed when a flush of the log that began after
 * that has ended well.
 *
 * @param name Finds the names of jobs, in pages and answers alike.
 */
export function fsyncOrder(events: Iterable<TraceEvent>, name: RegExp): FsyncOrder {
  const log = new LogOfTrace(name);
  const early: string[] = [];
  let answers = 0;
  for (const event of events) {
    log.take(event);
    if (event.moment !== 'entered' || !event.file.startsWith('socket:')) continue;
    const text = event.bytes.toString('latin1');
    if (!/^HTTP\/1\.1 20[01] /.test(text) || !text.includes('"job_id"')) continue;
    for (const job of new Set(text.match(name))) {
      answers += 1;
      if (!log.flushed.has(job)) early.push(job);
    }
  }
  return { answers, flushes: log.flushes, early };
}

class LogOfTrace {
  readonly flushed: Set<string> = new Set();
  flushes = 0;
  readonly #name: RegExp;
  /** Jobs in frames of a transaction that is not committed yet. */
  #open = new Set<string>();
  /** Jobs whose transactions are in the log. */
  #written = new Set<string>();
  readonly #flushing = new Map<string, ReadonlySet<string>>();
  #nextCommits = false;

  constructor(name: RegExp) {
    this.#name = name;
  }

  take(event: TraceEvent): void {
    if (!event.file.endsWith('.db-wal')) return;
    if (event.call.startsWith('pwrite')) this.#write(event);
    else if (event.call === 'fsync' || event.call === 'fdatasync') this.#flush(event);
  }

  #write({ moment, bytes }: TraceEvent): void {
    if (moment === 'entered') return;
    if (bytes.length === FRAME_HEADER_BYTES) {
      // A frame with the size of the database in its header ends a transaction.
      this.#nextCommits = bytes.readUInt32BE(4) !== 0;
    } else if (bytes.length >= SMALLEST_PAGE_BYTES) {
      for (const job of bytes.toString('latin1').match(this.#name) ?? []) this.#open.add(job);
      if (!this.#nextCommits) return;
      this.#written = new Set([...this.#written, ...this.#open]);
      this.#open = new Set();
    }
  }

  #flush({ thread, moment, result }: TraceEvent): void {
    if (moment === 'entered') {
      this.#flushing.set(thread, this.#written);
      return;
    }
    if (result !== 0) return;
    this.flushes += 1;
    for (const job of this.#flushing.get(thread) ?? []) this.flushed.add(job);
  }
}
