import type { CallRecord, Id, KeyPacer } from '@ezthrottle/engine';
import type { DestinationAllotment } from './destination-allotment.ts';
import { isLaneIdle } from './lane.ts';
import type { Lane } from './lane.ts';

/** What is paced: the calls of one organization to one origin. */
export interface Destination {
  readonly key: string;
  readonly organization: Id;
  readonly origin: string;
  readonly pacer: KeyPacer;
  /** What of it this node may spend; null: there are no other nodes. */
  readonly allotment: DestinationAllotment | null;
  /** Its lines by their names; its own, of calls without limits, is there as soon as it is asked for. */
  readonly lanes: Map<string, Lane>;
  /** Armed calls that wait for limits as well: while there are any, all of its calls take turns with them. */
  contenders: number;
  /** What second calls are decided by; null: no job has asked for one yet. */
  record: CallRecord | null;
}

export function destination(
  place: { readonly key: string; readonly organization: Id; readonly origin: string },
  pacer: KeyPacer,
  allotmentOf: (lanes: Map<string, Lane>) => DestinationAllotment | null = () => null,
): Destination {
  const lanes = new Map<string, Lane>();
  return { ...place, pacer, allotment: allotmentOf(lanes), lanes, contenders: 0, record: null };
}

/** Whether nothing would be missed if it were forgotten, but for its pace. */
export function isIdle({ lanes, pacer }: Destination): boolean {
  if (pacer.pace.inFlight > 0) return false;
  for (const one of lanes.values()) if (!isLaneIdle(one)) return false;
  return true;
}
