import type { DeliveryHandler, ReceiverOptions } from '@ezthrottle/core/webhooks';

/** What a case wants of the receiver: plain data, so that it can be sent to another runtime. */
export interface SubjectSettings {
  readonly secrets: readonly string[];
  readonly maxBodyBytes?: number;
  /** The time for handlers ends when `deadline` is asked, and never else. */
  readonly deadlineWhenAsked?: boolean;
  /** The dedupe store never answers; whoever asks it for a claim counts as an arrival. */
  readonly isStoreAway?: boolean;
}

/**
 * - `record`: what handlers and `onError` have seen, a `SubjectRecord`.
 * - `arrival`: answered once a handler stands at the gate.
 * - `open`: lets every handler through the gate, now and later.
 * - `deadline`: the time for handlers is over.
 */
export type Question = 'record' | 'arrival' | 'open' | 'deadline';

export interface SubjectRecord {
  readonly handled: readonly HandledDelivery[];
  readonly errors: readonly { readonly code: string | null; readonly message: string }[];
}

export interface HandledDelivery {
  readonly deliveryId: string | null;
  readonly jobId: string;
  /** The field `note` of the payload, as it came. */
  readonly note: unknown;
  /** Whether handlers were given the adapter's context, such as the framework's request. */
  readonly hasContext: boolean;
}

/** The receiver that an adapter carries in the suite, and the questions it answers about itself. */
export interface ReceiverUnderTest {
  readonly options: ReceiverOptions;
  ask(question: Question): Promise<unknown>;
}

/**
 * How a handler behaves stands in the delivery, as `metadata.behaviour`: `crash_once` fails the first
 * time, `wait` stands at the gate. Runs on every runtime.
 */
export function receiverUnderTest(settings: SubjectSettings): ReceiverUnderTest {
  const handled: HandledDelivery[] = [];
  const errors: SubjectRecord['errors'][number][] = [];
  const gate = makeSignal();
  const arrival = makeSignal();
  const deadline = makeSignal();
  const crashed = new Set<string>();

  const any: DeliveryHandler = async (delivery, { context }) => {
    const { deliveryId, jobId, raw, metadata } = delivery;
    const hasContext = context !== undefined && context !== null;
    handled.push({ deliveryId, jobId, note: raw.note, hasContext });
    if (metadata.behaviour === 'crash_once' && !crashed.has(jobId)) {
      crashed.add(jobId);
      throw new Error('the database is away');
    }
    if (metadata.behaviour !== 'wait') return;
    arrival.give();
    await gate.given;
  };

  const { deadlineWhenAsked, isStoreAway, ...given } = settings;
  const options: ReceiverOptions = {
    ...given,
    on: { any },
    onError: (error) => {
      errors.push({ code: codeOf(error), message: String(error) });
    },
    ...(deadlineWhenAsked === true ? { after: afterSignal(deadline) } : {}),
    ...(isStoreAway === true ? { dedupe: silentStore(arrival) } : {}),
  };
  const answers: Readonly<Record<Question, () => Promise<unknown>>> = {
    record: async () => ({ handled, errors }),
    arrival: async () => {
      await arrival.given;
      return true;
    },
    open: async () => gate.give(),
    deadline: async () => deadline.give(),
  };
  return { options, ask: (question) => answers[question]() };
}

interface Signal {
  readonly given: Promise<void>;
  /** True, for a question wants an answer. */
  give(): boolean;
}

function makeSignal(): Signal {
  let resolve = (): void => {};
  const given = new Promise<void>((settle) => {
    resolve = settle;
  });
  return {
    given,
    give: () => {
      resolve();
      return true;
    },
  };
}

function silentStore(asked: Signal): NonNullable<ReceiverOptions['dedupe']> {
  const never = (): Promise<never> => new Promise(() => undefined);
  return {
    begin: () => {
      asked.give();
      return never();
    },
    commit: never,
    release: never,
  };
}

function afterSignal({ given }: Signal): NonNullable<ReceiverOptions['after']> {
  return (_delayMs, callback) => {
    let isWanted = true;
    void given.then(() => {
      if (isWanted) callback();
    });
    return () => {
      isWanted = false;
    };
  };
}

function codeOf(error: unknown): string | null {
  const hasCode = typeof error === 'object' && error !== null && 'code' in error;
  return hasCode && typeof error.code === 'string' ? error.code : null;
}
