import { destinationLimit, parseLimitKey } from '@ezthrottle/core/protocol';
import { createChance, DEFAULT_PACE, idempotencyClaim } from '@ezthrottle/engine';
import type { AuditRecord, Id, LimitSettings, Verdict } from '@ezthrottle/engine';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import { createDispatcher } from '../dispatch/paced-dispatcher.ts';
import { sha256 } from '../dispatch/sha256.ts';
import { type RecordedLimit, recordedSettings } from '../recording/recorded-line.ts';
import { filledSpec } from '../recording/recorded-spec.ts';
import type { RecordedTurn, TurnInput } from '../recording/recorded-turn.ts';
import type { Recording } from './read-recording.ts';
import type { ReplayedStart } from './replay-executor.ts';
import {
  DivergedError,
  PendingAnswers,
  RecordedClock,
  RecordedExecutor,
  replayedReads,
} from './replay-ports.ts';

export interface ExactReplay {
  /** On the recording's clock. */
  readonly starts: readonly ReplayedStart[];
  /** Null: it went to the end. */
  readonly diverged: { readonly turn: number; readonly message: string } | null;
}

/**
 * Runs a recording through the server's own dispatcher once more, turn by turn: what came in comes in again in
 * the same order at the same moments, and nothing else does. Null: the recording has no turns.
 */
export async function exactReplay(recording: Recording): Promise<ExactReplay | null> {
  return recording.header.turns === undefined ? null : await new ExactRun(recording).run();
}

class ExactRun {
  readonly #recording: Recording;
  readonly #clock = new RecordedClock();
  readonly #writes = new PendingAnswers('write');
  readonly #reads = new PendingAnswers('read');
  readonly #executor = new RecordedExecutor(this.#clock);
  readonly #limits = new Map<string, LimitSettings>();
  readonly #weights = new Map<Id, number>();
  readonly #origins = new Set<(organization: Id, origin: string) => void>();
  readonly #named = new Set<(organization: Id, key: string) => void>();
  readonly #dispatcher: Dispatcher;
  #draws = new Map<number, unknown>();
  #asked = 0;

  constructor(recording: Recording) {
    const { header } = recording;
    this.#recording = recording;
    let tokens = 0;
    const ignore = (): void => undefined;
    const usualRegions = header.liveRegions;
    this.#dispatcher = createDispatcher({
      store: replayedReads(this.#reads),
      committer: {
        write: () =>
          this.#writes.ask((text) => {
            const verdict: Verdict = JSON.parse(text);
            return verdict;
          }),
      },
      executor: this.#executor,
      clock: this.#clock,
      settings: (origin, organization) =>
        this.#settingsOf(organization, destinationLimit(origin))?.pace ?? DEFAULT_PACE,
      edits: {
        pausedUntil: (organization, origin) =>
          this.#settingsOf(organization, destinationLimit(origin))?.pausedUntil ?? null,
        onChanged: listening(this.#origins),
      },
      namedLimits: {
        settingsOf: (organization, key) => this.#settingsOf(organization, key),
        onChanged: listening(this.#named),
      },
      weightOf: (apiKey) => this.#weights.get(apiKey) ?? 1,
      caps: new Map(Object.entries(header.caps)),
      circuit: header.circuit,
      liveRegions: () => this.#draw(usualRegions),
      regions: usualRegions === 'any' ? undefined : this.#regions(),
      keptReport: (_, report) => ({ ...report, outcome: this.#draw(report.outcome) }),
      notices: { publish: ignore, isWatched: () => this.#draw(false) },
      tap: { submitting: () => ignore, cancelled: ignore },
      deliverer: { offer: ignore },
      random: createChance(header.seed),
      newToken: () => {
        tokens += 1;
        return `replayed-${tokens}`;
      },
      logger: { warn: ignore, error: ignore },
      idempotencyWindowMs: header.idempotencyWindowMs,
      ...(header.turns !== undefined && { limits: header.turns }),
    });
  }

  async run(): Promise<ExactReplay> {
    const startedAt = this.#startedAt();
    let diverged: ExactReplay['diverged'] = null;
    for (const step of this.#recording.log) {
      if (step.type === 'limit') this.#putLimit(step);
      else if (step.type === 'weight') this.#weights.set(step.apiKey, step.weight);
      else {
        diverged = await this.#turn(step);
        if (diverged !== null) break;
      }
    }
    const starts = this.#executor.starts.map((start) => ({ ...start, at: start.at - startedAt }));
    return { starts, diverged };
  }

  async #turn(turn: RecordedTurn): Promise<ExactReplay['diverged']> {
    this.#clock.wall = turn.w;
    this.#clock.elapsed = turn.m;
    this.#draws = new Map(turn.draws);
    this.#asked = 0;
    try {
      for (const input of turn.inputs) this.#apply(input);
    } catch (error) {
      if (!(error instanceof DivergedError)) throw error;
      return { turn: turn.n, message: error.message };
    }
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
    return null;
  }

  #apply(input: TurnInput): void {
    switch (input[0]) {
      case 'start':
        return settle(this.#dispatcher.start());
      case 'stop':
        return settle(this.#dispatcher.stop());
      case 'submit':
        return this.#submit(input[1], input[2]);
      case 'cancel':
        return settle(this.#dispatcher.cancel(input[1], input[2]));
      case 'ask':
        return settle(this.#dispatcher.forecast(input[1]));
      case 'timer':
        return this.#clock.fire(input[1]);
      case 'wrote':
        return this.#writes.answer(input[1], JSON.stringify(input[2]));
      case 'unwritten':
        return this.#writes.fail(input[1], input[2]);
      case 'read':
        return this.#reads.answer(input[1], input[2]);
      case 'unread':
        return this.#reads.fail(input[1], input[2]);
      case 'sent':
        return this.#executor.sent(input[1]);
      case 'reports':
        return this.#executor.ended(input[1]);
      case 'origin':
        for (const listener of this.#origins) listener(input[1], input[2]);
        return;
      case 'named':
        for (const listener of this.#named) listener(input[1], input[2]);
    }
  }

  #submit(id: Id, isAudited: boolean): void {
    const offer = this.#recording.offers.get(id);
    if (offer === undefined) throw new DivergedError(`the recording has no job ${id}`);
    const { organization, apiKey, createdAt } = offer;
    const spec = { ...filledSpec(offer.spec), idempotentKey: `recorded ${id}` };
    const idempotency = idempotencyClaim(spec, organization, { sha256 });
    const job = { id, organization, apiKey, spec, idempotency, createdAt };
    settle(this.#dispatcher.submit(job, isAudited ? entryFor(id, organization) : undefined));
  }

  /** What was asked that does not follow from what came in: as it was answered. */
  #draw<Value>(usual: Value): Value {
    this.#asked += 1;
    const drawn = this.#draws.get(this.#asked);
    if (drawn === undefined) return usual;
    const value: Value = JSON.parse(JSON.stringify(drawn));
    return value;
  }

  #regions(): NonNullable<Parameters<typeof createDispatcher>[0]['regions']> {
    const isTroubled = (): boolean => this.#draw(false);
    return {
      get isTroubled() {
        return isTroubled();
      },
      reachable: (_organization, _origin, regions) => this.#draw(regions),
      chosen: () => undefined,
      after: () => undefined,
      states: () => [],
    };
  }

  #settingsOf(organization: Id, key: string): LimitSettings | null {
    return this.#limits.get(`${organization} ${key}`) ?? null;
  }

  #putLimit(line: RecordedLimit): void {
    const { organization, key } = line;
    const place = `${organization} ${key}`;
    if (line.isGone === true && parseLimitKey(key)?.kind !== 'destination') {
      this.#limits.delete(place);
    } else {
      this.#limits.set(place, recordedSettings(line));
    }
  }

  /** On the monotonic clock of the server that was recorded. */
  #startedAt(): number {
    const first = this.#recording.log.find((step) => step.type === 'turn');
    return first === undefined ? 0 : first.m - first.t;
  }
}

/** How it ends is for whoever asked: nobody does. */
function settle(acting: Promise<unknown>): void {
  acting.catch(() => undefined);
}

function entryFor(id: Id, organization: Id): AuditRecord {
  return {
    id,
    organization,
    at: 0,
    action: 'job.replayed',
    target: null,
    apiKey: null,
    actor: null,
    reason: null,
    before: null,
    after: null,
  };
}

function listening<Listener>(listeners: Set<Listener>): (listener: Listener) => () => void {
  return (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
}
