import { CLOSED, type Circuit } from './circuit-breaker.ts';

/** What all who call one server know of it. */
export interface SharedCircuit {
  circuit: Circuit;
  /** Given out so far: no two calls have the same. */
  tickets: number;
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
  const circuit = known.get(url) ?? { circuit: CLOSED, tickets: 0 };
  if (!known.has(url) && known.size >= MOST_SERVERS) known.clear();
  known.set(url, circuit);
  return circuit;
}
