import type { JobRequest } from '@ezthrottle/core/protocol';
import { toJobSpec } from '../admit/to-job-spec.ts';
import type { Effect } from '../job/effect.ts';
import type { JobEvent } from '../job/event.ts';
import type { JobSpec } from '../job/job-spec.ts';
import type { Outcome } from '../job/outcome.ts';
import type { Leg, RunState } from '../job/run.ts';
import { accept } from './accept.ts';
import { arm } from './arm.ts';
import { decide } from './decide.ts';
import type { AcceptContext, Decision, Hedging, LiveRegions } from './decision.ts';

export const START = 1_000_000_000_000;

interface ScriptOptions {
  readonly liveRegions?: LiveRegions;
  /** Default 0: every backoff is its shortest. */
  readonly random?: number;
  readonly hedging?: Hedging;
  readonly reachable?: AcceptContext['reachable'];
}

/** Runs one job by hand: what a dispatcher would do, step by step, with time in the test's hand. */
export class JobScript {
  readonly spec: JobSpec;
  run: RunState;
  /** Milliseconds since the job was accepted. */
  at = 0;
  liveRegions: LiveRegions;
  /** Everything that was decided so far. */
  readonly effects: Effect[] = [];
  readonly #random: number;
  readonly #hedging: Hedging | undefined;
  readonly #reachable: Pick<AcceptContext, 'reachable'>;

  constructor(request: Partial<JobRequest>, options: ScriptOptions = {}) {
    this.spec = toJobSpec({ url: 'https://api.example.com/call', ...request });
    this.liveRegions = options.liveRegions ?? 'any';
    this.#random = options.random ?? 0;
    this.#hedging = options.hedging;
    this.#reachable = options.reachable === undefined ? {} : { reachable: options.reachable };
    const accepted = accept(this.spec, {
      now: START,
      liveRegions: this.liveRegions,
      ...this.#reachable,
    });
    this.run = accepted.run;
    this.effects.push(...accepted.effects);
  }

  /** Decides one event and returns the effects of this decision. */
  decide(event: JobEvent): readonly Effect[] {
    const decision = this.#ask(event);
    this.run = decision.run;
    this.effects.push(...decision.effects);
    return decision.effects;
  }

  /** Arms and sends the leg, which must be waiting. Returns its attempt number. */
  send(leg: number): number {
    const armed = arm(this.run, leg, `token-${leg}-${this.run.attempts + 1}`);
    if (armed === null) throw new Error(`leg ${leg} does not wait`);
    this.run = armed.run;
    this.decide({ type: 'sent', leg, attempt: armed.attempt });
    return armed.attempt;
  }

  /** The armed leg's attempt gives this. */
  settle(leg: number, outcome: Outcome): readonly Effect[] {
    const armed = this.leg(leg);
    if (armed.state !== 'armed') throw new Error(`leg ${leg} is not armed`);
    const { attempt, token } = armed;
    return this.decide({ type: 'outcome', leg, attempt, token, outcome });
  }

  /** Sends the leg and lets it answer at once. */
  answer(leg: number, outcome: Outcome): readonly Effect[] {
    this.send(leg);
    return this.settle(leg, outcome);
  }

  wake(): readonly Effect[] {
    return this.decide({ type: 'wake' });
  }

  leg(id: number): Leg {
    const leg = this.run.legs.find((candidate) => candidate.id === id);
    if (leg === undefined) throw new Error(`there is no leg ${id}`);
    return leg;
  }

  /** When the leg stands in line again, in milliseconds since acceptance. */
  readyAt(id: number): number {
    const leg = this.leg(id);
    if (leg.state !== 'waiting') throw new Error(`leg ${id} does not wait`);
    return leg.readyAt - START;
  }

  /** The last `wake` that was decided, in milliseconds since acceptance. */
  get wakeAt(): number | null {
    const wake = this.effects.findLast((effect) => effect.type === 'wake');
    return wake?.at === undefined || wake.at === null ? null : wake.at - START;
  }

  get liveLegs(): readonly number[] {
    return this.run.legs.filter(({ state }) => state !== 'ended').map(({ id }) => id);
  }

  spawned(): readonly string[] {
    return this.effects.flatMap((effect) => (effect.type === 'spawn' ? [effect.edge] : []));
  }

  #ask(event: JobEvent): Decision {
    return decide(this.spec, this.run, event, {
      now: START + this.at,
      liveRegions: this.liveRegions,
      random: () => this.#random,
      ...this.#reachable,
      ...(this.#hedging === undefined ? {} : { hedging: this.#hedging }),
    });
  }
}

export function status(code: number, headers: Readonly<Record<string, string>> = {}): Outcome {
  return { kind: 'response', status: code, headers };
}

export const TIMEOUT: Outcome = { kind: 'timeout', message: 'no answer within 30000 ms' };
export const UNKNOWN: Outcome = { kind: 'unknown' };
export const REFUSED: Outcome = {
  kind: 'refused',
  code: 'address_not_allowed',
  message: '10.0.0.1 is a private address',
};
export const UNREACHABLE: Outcome = {
  kind: 'network_error',
  code: 'ECONNREFUSED',
  message: 'connect ECONNREFUSED 192.0.2.1:443',
};
