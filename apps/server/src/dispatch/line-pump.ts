import type { Clock } from '@ezthrottle/engine';
import type { Ownership } from '../cluster/ownership.ts';
import type { Armer } from './armer.ts';
import { isLaneIdle, type Lane } from './lane.ts';
import type { LimitedCalls } from './limited-calls.ts';
import type { Sender } from './sender.ts';

export interface LinePumpOptions {
  readonly clock: Pick<Clock, 'after'>;
  readonly ownership: Ownership;
  readonly sender: Pick<Sender, 'send'>;
  readonly armer: Pick<Armer, 'fill' | 'isFull'>;
  readonly limited: Pick<LimitedCalls, 'wake'>;
}

/** How soon a destination is looked at again that the bound over all of them left out, in milliseconds. */
const STARVED_LOOK_MS = 10;

/** Keeps lines moving: whatever may have changed for a line, here it is sent from and armed anew. */
export class LinePump {
  readonly #options: LinePumpOptions;
  /** Lines that have more to arm than the bound over all of them allowed. */
  readonly #starved = new Set<Lane>();
  #stopStarvedTimer: (() => void) | null = null;
  #isRunning = false;

  constructor(options: LinePumpOptions) {
    this.#options = options;
  }

  /** Before this, and after `stop`, nothing moves. */
  start(lanes: Iterable<Lane>): void {
    this.#isRunning = true;
    this.pumpAll(lanes);
  }

  stop(): void {
    this.#isRunning = false;
    this.#stopStarvedTimer?.();
  }

  pump(lane: Lane): void {
    const { ownership, sender, armer } = this.#options;
    const { destination, name } = lane;
    if (!this.#isRunning || !ownership.owns(destination.organization, name)) return;
    const { allotment } = destination;
    if (allotment !== null) {
      allotment.settle();
      if (!isLaneIdle(lane)) allotment.wanted();
    }
    sender.send(lane);
    armer.fill(lane);
    if (armer.isFull && !(lane.line.isEmpty && lane.door.length === 0)) this.#feedLater(lane);
  }

  pumpAll(lanes: Iterable<Lane>): void {
    for (const lane of lanes) this.pump(lane);
  }

  /** A call of this line has ended. Calls without limits may have waited for its slot as well. */
  freed(lane: Lane): void {
    this.pump(lane);
    const { lanes, origin } = lane.destination;
    const own = lanes.get(origin);
    if (own !== undefined && own !== lane) this.pump(own);
  }

  /** A key has other settings: whoever waits there is looked at again. */
  keyChanged(key: string, lanes: readonly Lane[]): void {
    this.#options.limited.wake(key);
    this.pumpAll(lanes);
  }

  /** The bound over all destinations has left this line without anything that would wake it. */
  #feedLater(lane: Lane): void {
    this.#starved.add(lane);
    this.#stopStarvedTimer ??= this.#options.clock.after(STARVED_LOOK_MS, () => {
      this.#stopStarvedTimer = null;
      const starved = [...this.#starved];
      this.#starved.clear();
      this.pumpAll(starved);
    });
  }
}
