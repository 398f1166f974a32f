import type { AdvanceOperation, NewJob, Operation, PlainOperation } from '@ezthrottle/engine';

/** Operations that many of a batch are, and that are written many at once. */
export type FrequentOperation = Extract<
  PlainOperation,
  { readonly type: 'submit' | 'advance' | 'stage' | 'settle_delivery' | 'end_delivery' }
>;

export interface Placed<Of extends Operation> {
  /** Of the operation in its batch. */
  readonly index: number;
  readonly operation: Of;
}

/** Operations that do not touch what another one of them touches: in whichever order, the same comes out. */
export type Wave =
  | { readonly kind: 'together'; readonly operations: readonly Placed<FrequentOperation>[] }
  | { readonly kind: 'alone'; readonly placed: Placed<Operation> };

/**
 * Cuts a batch into waves, so that operations see those before them that they have to do with.
 *
 * @param isInOrder One type of operations in each wave: even the order of those which do not touch the same
 * is kept.
 */
export function wavesOf(batch: readonly Operation[], isInOrder: boolean): readonly Wave[] {
  const waves: Wave[] = [];
  let current: Placed<FrequentOperation>[] = [];
  let touched = new Map<string, FrequentOperation['type']>();
  const flush = (): void => {
    if (current.length > 0) waves.push({ kind: 'together', operations: current });
    current = [];
    touched = new Map();
  };
  for (const [index, operation] of batch.entries()) {
    if (!isFrequent(operation)) {
      flush();
      waves.push({ kind: 'alone', placed: { index, operation } });
      continue;
    }
    const names = touchedBy(operation);
    const [previous] = current;
    const isOtherType = isInOrder && previous?.operation.type !== operation.type;
    if (isOtherType || names.some((name) => isInTheWay(touched.get(name), operation, name)))
      flush();
    for (const name of names) touched.set(name, operation.type);
    current.push({ index, operation });
  }
  flush();
  return waves;
}

/** What the operations of a batch touch, by name; null: nobody can tell, it may be anything. */
export function touchedByAll(batch: readonly Operation[]): ReadonlySet<string> | null {
  const touched = new Set<string>();
  for (const operation of batch) {
    if (!isFrequent(operation)) return null;
    for (const name of touchedBy(operation)) touched.add(name);
  }
  return touched;
}

function isFrequent(operation: Operation): operation is FrequentOperation {
  switch (operation.type) {
    case 'submit':
    case 'advance':
    case 'stage':
    case 'settle_delivery':
    case 'end_delivery':
      return true;
    default:
      return false;
  }
}

/** Submits under one key are told apart by the statement that takes it: the first one has it. */
function isInTheWay(
  before: FrequentOperation['type'] | undefined,
  operation: FrequentOperation,
  name: string,
): boolean {
  if (before === undefined) return false;
  return !(before === 'submit' && operation.type === 'submit' && name.startsWith(KEY));
}

const JOB = 'job ';
const KEY = 'key ';
const DELIVERY = 'delivery ';

function touchedBy(operation: FrequentOperation): readonly string[] {
  switch (operation.type) {
    case 'submit':
      return namesOf(operation.job);
    case 'advance':
      return advancedBy(operation);
    case 'stage':
      return operation.rows.map(({ jobId }) => JOB + jobId);
    case 'settle_delivery':
    case 'end_delivery':
      return [DELIVERY + operation.deliveryId];
  }
}

function advancedBy({ jobId, children, deliveries }: AdvanceOperation): readonly string[] {
  if (children.length + deliveries.length === 0) return [JOB + jobId];
  return [JOB + jobId, ...children.flatMap(namesOf), ...deliveries.map(({ id }) => DELIVERY + id)];
}

function namesOf({ id, organization, idempotency }: NewJob): readonly string[] {
  return [JOB + id, `${KEY}${organization} ${idempotency.scope} ${idempotency.key}`];
}
