import type { Clock } from '@ezthrottle/engine';
import type { TurnInput } from './recorded-turn.ts';

/** One turn, as it is written down when it is over. */
export interface Turn {
  readonly monotonic: number;
  readonly wall: number;
  readonly inputs: readonly TurnInput[];
  readonly draws: readonly (readonly [number, unknown])[];
}

interface Entry {
  readonly input: TurnInput;
  readonly deliver: () => void;
  readonly isMeant: () => boolean;
}

interface OpenTurn {
  readonly monotonic: number;
  readonly wall: number;
  readonly inputs: TurnInput[];
  readonly draws: [number, unknown][];
  asked: number;
}

/**
 * Lets what comes in through to the dispatcher turn by turn. In a turn time stands still, and nothing else
 * comes in before all that follows from it is done: so the same inputs at the same moments give the same again.
 */
export class Journal {
  /** Stands still in a turn. Its timers come in as inputs. */
  readonly clock: Clock;
  readonly #source: Clock;
  readonly #onTurn: (turn: Turn) => void;
  #waiting: Entry[] = [];
  #turn: OpenTurn | null = null;
  #isPlanned = false;
  #timers = 0;

  constructor(source: Clock, onTurn: (turn: Turn) => void) {
    this.#source = source;
    this.#onTurn = onTurn;
    this.clock = {
      now: () => this.#turn?.wall ?? source.now(),
      monotonic: () => this.#turn?.monotonic ?? source.monotonic(),
      after: (delayMs, callback) => this.#after(delayMs, callback),
    };
  }

  /** @param isMeant Asked when its turn has come. Default: it is. */
  enter(input: TurnInput, deliver: () => void, isMeant: () => boolean = () => true): void {
    this.#waiting.push({ input, deliver, isMeant });
    this.#plan();
  }

  /** An answer that does not follow from what came in: noted where it is not the usual one. */
  draw<Value>(value: Value, usual: Value): Value {
    const turn = this.#turn;
    if (turn === null) return value;
    turn.asked += 1;
    if (JSON.stringify(value) !== JSON.stringify(usual)) turn.draws.push([turn.asked, value]);
    return value;
  }

  /** Ends the turn that is open. */
  close(): void {
    const turn = this.#turn;
    this.#turn = null;
    if (turn !== null && turn.inputs.length > 0) this.#onTurn(turn);
  }

  #after(delayMs: number, callback: () => void): () => void {
    this.#timers += 1;
    const number = this.#timers;
    let isStopped = false;
    const cancel = this.#source.after(delayMs, () =>
      this.enter(['timer', number], callback, () => !isStopped),
    );
    return () => {
      isStopped = true;
      cancel();
    };
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      this.close();
      if (this.#waiting.length > 0) this.#begin();
    });
  }

  #begin(): void {
    const [monotonic, wall] = [this.#source.monotonic(), this.#source.now()];
    const turn: OpenTurn = { monotonic, wall, inputs: [], draws: [], asked: 0 };
    this.#turn = turn;
    for (const { input, deliver, isMeant } of this.#waiting.splice(0)) {
      if (!isMeant()) continue;
      turn.inputs.push(input);
      deliver();
    }
    // By then all is done that follows from it without anything else.
    this.#plan();
  }
}
