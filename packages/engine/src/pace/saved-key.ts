import {
  type Circuit,
  type CircuitPolicy,
  CLOSED_CIRCUIT,
  restoreCircuit,
  saveCircuit,
} from './circuit.ts';
import type { PaceSettings } from './pace-settings.ts';
import type { PaceState } from './pace-state.ts';
import { type PaceMoment, restorePace, savePace } from './saved-pace.ts';

export type { PaceMoment };

/** A key's pace and its circuit as one line of JSON; a closed circuit is not told. */
export function saveKey(pace: PaceState, circuit: Circuit, moment: PaceMoment): string {
  const data = savePace(pace, moment);
  if (circuit.state === 'closed') return data;
  return JSON.stringify([data, saveCircuit(circuit, moment.now)]);
}

/** The key as it was saved. What is not ours is left out, as `restorePace` and `restoreCircuit` do. */
export function restoreKey(
  data: string,
  settings: PaceSettings,
  moment: PaceMoment,
  policy: CircuitPolicy | null,
): { readonly pace: PaceState; readonly circuit: Circuit } {
  const [pace, circuit] = partsOf(data);
  return {
    pace: restorePace(pace, settings, moment),
    circuit:
      policy === null || circuit === null
        ? CLOSED_CIRCUIT
        : restoreCircuit(circuit, moment.now, policy),
  };
}

function partsOf(data: string): readonly [pace: string, circuit: string | null] {
  let parts: unknown;
  try {
    parts = JSON.parse(data);
  } catch {
    return [data, null];
  }
  if (!Array.isArray(parts)) return [data, null];
  const [pace, circuit]: readonly unknown[] = parts;
  return [typeof pace === 'string' ? pace : '', typeof circuit === 'string' ? circuit : null];
}
