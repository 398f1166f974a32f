import type {
  AttemptReport,
  Circuit,
  DeliveryRecord,
  Id,
  JobEnd,
  JobSpec,
  Leg,
  NewJob,
  PathSpec,
  SettleDeliveryOperation,
} from '@ezthrottle/engine';

/** A job as far as those are told of it who watch the whole server. */
export interface SignalledJob {
  readonly id: Id;
  readonly organization: Id;
  readonly apiKey: Id;
  readonly spec: JobSpec;
  /** Set for a job that another one has started. */
  readonly parent: NewJob['parent'];
}

/** A call that is handed over now. */
export interface CallSignal {
  readonly job: SignalledJob;
  readonly path: PathSpec;
  readonly leg: Leg;
  readonly attempt: number;
  readonly token: string;
  /** When the job was taken in, in milliseconds since the epoch. */
  readonly acceptedAt: number;
}

/** What a call gave, and where it went. */
export interface AnswerSignal {
  readonly jobId: Id;
  readonly attempt: number;
  readonly organization: Id;
  readonly origin: string;
  readonly region: string;
  readonly report: AttemptReport;
}

/**
 * Told what happens on the whole server, whoever's it is. Each is called at once and must neither fail
 * nor wait; what nobody wants to know is left out, and costs nothing.
 */
export interface Signals {
  /** A job is on disk. */
  readonly queued?: ((job: SignalledJob) => void) | undefined;
  readonly called?: ((call: CallSignal) => void) | undefined;
  readonly answered?: ((answer: AnswerSignal) => void) | undefined;
  /** The end of a job is on disk. */
  readonly ended?: ((job: SignalledJob, end: JobEnd, acceptedAt: number) => void) | undefined;
  /** An attempt of a delivery is on disk. */
  readonly delivered?:
    | ((delivery: DeliveryRecord, settled: SettleDeliveryOperation) => void)
    | undefined;
  /** An answer, or none, has opened or closed the circuit of a destination. */
  readonly circuitChanged?:
    | ((organization: Id, origin: string, state: Circuit['state']) => void)
    | undefined;
  /** A delivery was given up without a further attempt. */
  readonly deliveryEnded?: ((delivery: DeliveryRecord, reason: string) => void) | undefined;
}

/** Tells each of them, in their order. A signal that none takes is left out. */
export function allSignals(each: readonly Signals[]): Signals {
  return {
    queued: inTurn(each.flatMap(({ queued }) => queued ?? [])),
    called: inTurn(each.flatMap(({ called }) => called ?? [])),
    answered: inTurn(each.flatMap(({ answered }) => answered ?? [])),
    ended: inTurn(each.flatMap(({ ended }) => ended ?? [])),
    delivered: inTurn(each.flatMap(({ delivered }) => delivered ?? [])),
    circuitChanged: inTurn(each.flatMap(({ circuitChanged }) => circuitChanged ?? [])),
    deliveryEnded: inTurn(each.flatMap(({ deliveryEnded }) => deliveryEnded ?? [])),
  };
}

function inTurn<Given extends readonly unknown[]>(
  listeners: readonly ((...given: Given) => void)[],
): ((...given: Given) => void) | undefined {
  if (listeners.length < 2) return listeners[0];
  return (...given) => {
    for (const listener of listeners) listener(...given);
  };
}
