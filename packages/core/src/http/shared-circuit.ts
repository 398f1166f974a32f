import {
  admit,
  CLOSED,
  settle,
  type Admission,
  type CallOutcome,
  type Circuit,
  type CircuitPolicy,
} from './circuit-breaker.ts';

/** The circuit of one server, for all who call it. */
export class SharedCircuit {
  #circuit: Circuit = CLOSED;
  #tickets = 0;

  /** Asks for leave to call; the ticket has to be settled. */
  admit(now: number, policy: CircuitPolicy): Admission {
    const admission = admit(this.#circuit, now, (this.#tickets += 1), policy);
    this.#circuit = admission.circuit;
    return admission;
  }

  settle(ticket: number, outcome: CallOutcome, now: number, policy: CircuitPolicy): void {
    this.#circuit = settle(this.#circuit, ticket, outcome, now, policy);
  }
}

const MOST_SERVERS = 100;

/** By what reaches the server, so that all is forgotten with it. */
const circuits = new WeakMap<object, Map<string, SharedCircuit>>();

/**
 * The circuit of a server, the same for every client: one that is made for a single request would
 * otherwise never learn that the server is down. Clients of the hundredth server begin anew, so that a
 * process which calls ever new ones does not grow.
 *
 * @param reach What the calls are made with.
 */
export function sharedCircuit(reach: object, url: string): SharedCircuit {
  const known = circuits.get(reach) ?? new Map<string, SharedCircuit>();
  circuits.set(reach, known);
  const circuit = known.get(url) ?? new SharedCircuit();
  if (!known.has(url) && known.size >= MOST_SERVERS) known.clear();
  known.set(url, circuit);
  return circuit;
}
