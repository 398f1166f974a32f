import type { Clock, DeliveryReads, EndpointRecord, Id } from '@ezthrottle/engine';
import type { Commit } from '../tenancy/committing.ts';

/** Which endpoints get nothing any more. */
export interface Endpoints {
  /** Reads what is disabled. Again when others have changed it. */
  load(): Promise<void>;
  /** By what memory knows, which is nearly always all there is. */
  isDisabled(organization: Id, endpointId: string): boolean;
  /** Where memory does not know all: looks into the store. Null: it does. */
  lookUp(organization: Id, endpointId: string): Promise<boolean> | null;
  /** It has said that it is gone, and that is on disk. */
  gone(organization: Id, endpointId: string): void;
  /** Those that are disabled or were. */
  list(organization: Id): Promise<readonly EndpointRecord[]>;
  /**
   * By their owner. Null: nothing is known of it.
   *
   * @param by Writes the change; default: without an entry in the audit log.
   */
  setEnabled(
    organization: Id,
    endpointId: string,
    isEnabled: boolean,
    by?: Commit,
  ): Promise<EndpointRecord | null>;
}

/** Disabled endpoints that memory knows. */
const MOST_KNOWN = 100_000;

/** Endpoints that one answer lists. */
const LISTED = 1_000;

export function createEndpoints(options: {
  readonly reads: Pick<DeliveryReads, 'endpoints' | 'disabledEndpoints'>;
  readonly commit: Commit;
  readonly clock: Pick<Clock, 'now'>;
  /** Disabled endpoints that memory knows; of more the store does. Default 100 000. */
  readonly most?: number;
}): Endpoints {
  const { reads, commit, clock, most = MOST_KNOWN } = options;
  /** The one that was disabled last at the end. */
  const disabled = new Set<string>();
  let isPartial = false;

  function disable(key: string): void {
    disabled.add(key);
    if (disabled.size <= most) return;
    const oldest = disabled.keys().next();
    if (oldest.done === false) disabled.delete(oldest.value);
    isPartial = true;
  }

  async function find(organization: Id, endpointId: string): Promise<EndpointRecord | null> {
    const [found] = await reads.endpoints(organization, 1, endpointId);
    return found ?? null;
  }

  return {
    async load() {
      const found = await reads.disabledEndpoints(most + 1);
      disabled.clear();
      for (const { organization, endpointId } of found) disable(keyOf(organization, endpointId));
    },
    // Nearly always there is none, and it is asked for every delivery.
    isDisabled: (organization, endpointId) =>
      disabled.size > 0 && disabled.has(keyOf(organization, endpointId)),
    lookUp(organization, endpointId) {
      if (!isPartial) return null;
      return find(organization, endpointId).then((known) => (known?.disabled ?? null) !== null);
    },
    gone(organization, endpointId) {
      disable(keyOf(organization, endpointId));
    },
    list: (organization) => reads.endpoints(organization, LISTED),
    async setEnabled(organization, endpointId, isEnabled, by = commit) {
      const known = await find(organization, endpointId);
      if (known === null || (known.disabled === null) === isEnabled) return known;
      const state = isEnabled ? null : ({ by: 'owner', at: clock.now() } as const);
      await by({ type: 'put_endpoint', organization, endpointId, disabled: state });
      if (isEnabled) disabled.delete(keyOf(organization, endpointId));
      else disable(keyOf(organization, endpointId));
      return { ...known, disabled: state };
    },
  };
}

function keyOf(organization: Id, endpointId: string): string {
  return `${organization} ${endpointId}`;
}
