/** One request that reached the target, as the target itself saw it. */
export interface SeenCall {
  readonly scenario: string;
  readonly method: string;
  readonly path: string;
  readonly at: number;
  readonly status: number | null;
  /** The caller hung up before the answer was written. */
  readonly aborted: boolean;
  readonly jobId: string | null;
  readonly attempt: number | null;
  readonly region: string | null;
  readonly body: string;
}

/** Everything the target saw, by scenario; mutable entries so that an answer can be noted later. */
export class CallLog {
  readonly #calls: { -readonly [Key in keyof SeenCall]: SeenCall[Key] }[] = [];

  start(call: Omit<SeenCall, 'status' | 'aborted'>): {
    answered(status: number): void;
    aborted(): void;
  } {
    const entry = { ...call, status: null as number | null, aborted: false };
    this.#calls.push(entry);
    return {
      answered: (status) => {
        entry.status = status;
      },
      aborted: () => {
        entry.aborted = true;
      },
    };
  }

  of(scenario: string): readonly SeenCall[] {
    return this.#calls.filter((call) => call.scenario === scenario);
  }
}
