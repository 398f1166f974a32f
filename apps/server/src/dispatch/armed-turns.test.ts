import { ArmedLine, type ArmedRef, FairLine, type LineRef, takeToArm } from '@ezthrottle/engine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const MAX_NEWCOMERS = 16;

function ref(jobId: string, apiKey: string): LineRef {
  return { id: jobId, jobId, leg: 0, apiKey, userId: '', rank: 0 };
}

/** A line and what is armed ahead of it; one goes in each interval. Arming takes no time. */
class Turns {
  mostArmed = 0;
  readonly #line = new FairLine<LineRef>();
  readonly #armed = new ArmedLine<ArmedRef>();
  readonly #newcomers = new Set<string>();
  readonly #bound: number;
  readonly #keyOf = new Map<string, string>();

  constructor(bound: number) {
    this.#bound = bound;
  }

  push(entry: LineRef): void {
    this.#keyOf.set(entry.jobId, entry.apiKey);
    this.#line.push(entry);
    if (!this.#armed.has(entry.apiKey)) this.#newcomers.add(entry.apiKey);
    this.#fill();
  }

  /** What goes in this interval. */
  send(): string | null {
    const jobId = this.#armed.first?.jobId ?? null;
    this.#armed.shift();
    this.#fill();
    return jobId;
  }

  keyOf(jobId: string): string {
    return this.#keyOf.get(jobId) ?? '';
  }

  #fill(): void {
    const ahead = this.#armed.length;
    const free = Math.max(0, this.#bound - ahead);
    const room = {
      ordinary: free >= ahead ? free : 0,
      most: this.#bound + MAX_NEWCOMERS - ahead,
    };
    for (const taken of takeToArm(() => this.#line.next(), this.#newcomers, room)) {
      const armed = { jobId: taken.jobId, leg: 0, attempt: 1, token: taken.jobId };
      this.#armed.push(armed, taken.apiKey);
    }
    this.mostArmed = Math.max(this.mostArmed, this.#armed.length);
  }
}

/** Intervals that each call of the quiet key waits beside so many busy ones. */
function quietWaits(busyKeys: number, bound: number, gaps: readonly number[]): readonly number[] {
  const turns = new Turns(bound);
  let made = 0;
  const addBusy = (apiKey: string): void => turns.push(ref(`${apiKey} ${(made += 1)}`, apiKey));
  for (let key = 0; key < busyKeys; key += 1) {
    for (let job = 0; job < 40; job += 1) addBusy(`busy ${key}`);
  }
  const since = new Map<string, number>();
  const waits: number[] = [];
  // Half of its share: beside n others at most one call in 2 (n + 1) intervals.
  const least = 2 * (busyKeys + 1);
  // Once everybody has had a turn: in the very first round all are newcomers.
  let next = 3 * busyKeys + 2 * bound;
  const asks = gaps.values();
  for (let turn = 0; waits.length < gaps.length; turn += 1) {
    if (turn === next) {
      const id = `quiet ${turn}`;
      since.set(id, turn);
      turns.push(ref(id, 'quiet'));
      next = turn + least + (asks.next().value ?? 0);
    }
    const sent = turns.send();
    const asked = sent === null ? undefined : since.get(sent);
    if (asked !== undefined) waits.push(turn - asked + 1);
    else if (sent !== null) addBusy(turns.keyOf(sent));
  }
  if (turns.mostArmed > bound + MAX_NEWCOMERS) throw new Error('too much was armed ahead');
  return waits;
}

describe('a quiet key with half of its share, beside what busy keys have armed ahead', () => {
  it('waits two intervals at most beside one of them', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.nat({ max: 6 }), { minLength: 20, maxLength: 60 }),
        (bound, gaps) => {
          expect(Math.max(...quietWaits(1, bound, gaps))).toBeLessThanOrEqual(2);
        },
      ),
    );
  });

  it('waits n + 1 intervals at most beside n of them', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.nat({ max: 30 }), { minLength: 10, maxLength: 30 }),
        (keys, bound, gaps) => {
          expect(Math.max(...quietWaits(keys, bound, gaps))).toBeLessThanOrEqual(keys + 1);
        },
      ),
    );
  });
});
