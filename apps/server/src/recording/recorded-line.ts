import type {
  CircuitPolicy,
  Id,
  JobSpec,
  LimitSettings,
  LiveRegions,
  Outcome,
  PaceSettings,
  PutPaceOperation,
} from '@ezthrottle/engine';
import type { RecordedTurn } from './recorded-turn.ts';

/** How a recording begins; a file has one for each start of its server. */
export interface RecordingHeader {
  readonly type: 'recording';
  readonly version: 1;
  /** When it began, in milliseconds since the epoch; all `t` count from there. */
  readonly wall: number;
  /** Of the chance that decisions have used. */
  readonly seed: number;
  readonly circuit: CircuitPolicy | null;
  readonly liveRegions: LiveRegions;
  /** What the operator allows to an origin over all organizations. */
  readonly caps: Readonly<Record<string, PaceSettings>>;
  readonly idempotencyWindowMs: number;
  /** Calls that stood in line already: they are not in the recording. */
  readonly backlog: number;
  /** Whether it has all turns, so that it can be replayed to the very moment. Absent: it has not. */
  readonly turns?: RecordedBounds;
}

/** Bounds of the dispatcher on which it depends what it does. */
export interface RecordedBounds {
  readonly maxResponseBytes: number;
  readonly stopTimeoutMs: number;
}

/** A job was taken. Of its calls the recording has where they go and by which rules, not what they carry. */
export interface RecordedSubmit {
  readonly type: 'submit';
  /** Orders what came at the same moment. */
  readonly n: number;
  readonly t: number;
  readonly id: Id;
  readonly organization: Id;
  readonly apiKey: Id;
  readonly createdAt: number;
  readonly spec: JobSpec;
}

export interface RecordedCancel {
  readonly type: 'cancel';
  readonly n: number;
  readonly t: number;
  readonly organization: Id;
  readonly id: Id;
}

/** A job was handed in. Written before it is taken, or not. */
export interface RecordedOffer {
  readonly type: 'offer';
  readonly id: Id;
  readonly organization: Id;
  readonly apiKey: Id;
  readonly createdAt: number;
  readonly spec: JobSpec;
}

/** A job of an `offer` was taken. */
export interface RecordedTaken {
  readonly type: 'taken';
  readonly n: number;
  readonly t: number;
  readonly id: Id;
}

/** What holds of a limit from now on. */
export interface RecordedLimit {
  readonly type: 'limit';
  readonly n: number;
  readonly t: number;
  readonly organization: Id;
  readonly key: string;
  readonly pace: PaceSettings;
  readonly adaptive: boolean;
  /** `always`: until it is taken back. */
  readonly pausedUntil: number | null | 'always';
  /** Whether answers tell what calls have cost. */
  readonly settles: boolean;
  /** There is none of this key any more. Absent: there is. */
  readonly isGone?: true;
}

/** Turns of an API key from now on. */
export interface RecordedWeight {
  readonly type: 'weight';
  readonly n: number;
  readonly t: number;
  readonly apiKey: Id;
  readonly weight: number;
}

/** A call was handed over to be sent. */
export interface RecordedStart {
  readonly type: 'start';
  readonly n: number;
  readonly t: number;
  readonly job: Id;
  readonly attempt: number;
  readonly origin: string;
}

/** A call has ended. */
export interface RecordedEnd {
  readonly type: 'end';
  readonly n: number;
  readonly t: number;
  readonly job: Id;
  readonly attempt: number;
  /** When its first byte went out; null: never. */
  readonly sent: number | null;
  /** Of the headers of a response only those that speak of pace, and the origin that a redirect leads to. */
  readonly outcome: Outcome;
}

/** What targets had taught before. */
export interface RecordedTaught {
  readonly type: 'taught';
  readonly rows: PutPaceOperation['rows'];
}

/** The file has reached its bound, or could not be written any more. */
export interface RecordedFull {
  readonly type: 'full';
  readonly t: number;
}

/** The server has stopped in order: nothing is missing. */
export interface RecordedClose {
  readonly type: 'closed';
  readonly t: number;
}

export type RecordedLine =
  | RecordingHeader
  | RecordedOffer
  | RecordedTaken
  | RecordedTurn
  | RecordedClose
  | RecordedSubmit
  | RecordedCancel
  | RecordedLimit
  | RecordedWeight
  | RecordedStart
  | RecordedEnd
  | RecordedTaught
  | RecordedFull;

/** Header under which a recording keeps what a call has really cost at a limit. */
export function recordedCostHeader(key: string): string {
  return `recorded-cost ${key.toLowerCase()}`;
}

/** A limit of which the recording speaks, as pacing takes it. */
export function recordedSettings(line: RecordedLimit): LimitSettings {
  const { key, pace, adaptive, pausedUntil, settles } = line;
  return {
    kind: key.startsWith('destination:') ? 'destination' : 'custom',
    pace,
    adaptive,
    pausedUntil: pausedUntil === 'always' ? Number.POSITIVE_INFINITY : pausedUntil,
    ...(settles && { settleHeader: recordedCostHeader(key) }),
  };
}

/** What each kind of line must have. */
const FIELDS: Readonly<Record<RecordedLine['type'], Readonly<Record<string, string>>>> = {
  recording: { wall: 'number', seed: 'number', caps: 'object', idempotencyWindowMs: 'number' },
  submit: {
    n: 'number',
    t: 'number',
    id: 'string',
    organization: 'string',
    apiKey: 'string',
    spec: 'object',
    createdAt: 'number',
  },
  cancel: { n: 'number', t: 'number', id: 'string', organization: 'string' },
  limit: { n: 'number', t: 'number', organization: 'string', key: 'string', pace: 'object' },
  weight: { n: 'number', t: 'number', apiKey: 'string', weight: 'number' },
  start: { n: 'number', t: 'number', job: 'string', attempt: 'number', origin: 'string' },
  end: { n: 'number', t: 'number', job: 'string', attempt: 'number', outcome: 'object' },
  taught: { rows: 'object' },
  full: { t: 'number' },
  offer: {
    id: 'string',
    organization: 'string',
    apiKey: 'string',
    spec: 'object',
    createdAt: 'number',
  },
  taken: { n: 'number', t: 'number', id: 'string' },
  turn: { n: 'number', t: 'number', m: 'number', w: 'number', inputs: 'object' },
  closed: { t: 'number' },
};

/** Null: this is no line of a recording. */
export function parseRecordedLine(text: string): RecordedLine | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  return isRecordedLine(value) ? value : null;
}

function isRecordedLine(value: unknown): value is RecordedLine {
  if (typeof value !== 'object' || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  const type = fields.get('type');
  if (typeof type !== 'string' || !isKind(type)) return false;
  if (type === 'recording' && fields.get('version') !== 1) return false;
  return Object.entries(FIELDS[type]).every(
    ([name, kind]) => typeof fields.get(name) === kind && fields.get(name) !== null,
  );
}

function isKind(type: string): type is RecordedLine['type'] {
  return Object.hasOwn(FIELDS, type);
}
