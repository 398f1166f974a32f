/** Looked up once, so that fake timers of a test do not stop the server of the test. */
const setRealTimeout = globalThis.setTimeout;
const realNow = performance.now.bind(performance);

/** How long code of the test may be at work in real time before virtual time goes on without it. */
const PATIENCE_MS = 2_000;
/** The same while somebody waits for virtual time: it may well be that code. */
const SHORT_PATIENCE_MS = 20;
/** Turns of the event loop that code gets which is not waited for by name. */
const TURNS = 3;

/**
 * What runs in real time: handlers and scripts of the test, which may await whatever they like.
 * Virtual time stands still while they are at work, except for what they themselves wait for in it.
 */
export class Activity {
  readonly #running = new Set<Promise<void>>();
  readonly #failures: unknown[] = [];
  #parked = 0;
  #changes = 0;
  #isTouched = true;

  /** Follows a handler to its end; what it throws comes out of whatever moves time. */
  track<Result>(work: Promise<Result>): Promise<Result> {
    const followed = work.then(
      () => undefined,
      (error: unknown) => {
        this.#failures.push(error);
      },
    );
    const running = followed.finally(() => {
      this.#running.delete(running);
      this.touch();
    });
    this.#running.add(running);
    this.touch();
    return work;
  }

  fail(error: unknown): void {
    this.#failures.push(error);
  }

  /** Somebody waits for virtual time now. The returned function says that it has come. */
  park(): () => void {
    let isParked = true;
    this.#parked += 1;
    this.touch();
    return () => {
      if (!isParked) return;
      isParked = false;
      this.#parked -= 1;
      this.touch();
    };
  }

  get hasParked(): boolean {
    return this.#parked > 0;
  }

  /** Code of the test may have been woken. */
  touch(): void {
    this.#changes += 1;
    this.#isTouched = true;
  }

  /** Whether anything of the test may be at work now. */
  get isBusy(): boolean {
    return this.#isTouched || this.#running.size > 0;
  }

  /** Lets code of the test run until it is done or waits for virtual time. @throws what it threw. */
  async rest(): Promise<void> {
    this.#isTouched = false;
    for (let turns = 0; turns < TURNS; turns += 1) await turn();
    await this.#untilStill();
    const [failure] = this.#failures.splice(0);
    if (failure !== undefined) throw failure;
  }

  /** Waits in real time for something to happen. False: nothing did. */
  async change(): Promise<boolean> {
    const before = this.#changes;
    const start = realNow();
    while (this.#changes === before && realNow() - start < SHORT_PATIENCE_MS) await turn();
    return this.#changes !== before;
  }

  async #untilStill(): Promise<void> {
    let since = realNow();
    let seen = this.#changes;
    while (this.#running.size > 0) {
      await Promise.race([...this.#running, turn()]);
      if (this.#changes !== seen) {
        seen = this.#changes;
        since = realNow();
      }
      const patience = this.hasParked ? SHORT_PATIENCE_MS : PATIENCE_MS;
      if (realNow() - since > patience) return;
    }
  }
}

/** One turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setRealTimeout(resolve, 0);
  });
}
