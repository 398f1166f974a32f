import { EGRESS_ERRORS, type EgressErrorCode } from '@ezthrottle/engine';

/** The way out of calls. Plain data. */
export type Egress =
  | { readonly kind: 'direct' }
  /** From this address of the machine. */
  | { readonly kind: 'local_address'; readonly address: string }
  | {
      readonly kind: 'proxy';
      /** `http://host:port` or `https://host:port`; no user. */
      readonly origin: string;
      /** Value of `Proxy-Authorization`. A secret. */
      readonly authorization: string | null;
      /** Who finds the addresses of targets: this server, which checks them, or the proxy. */
      readonly resolves: 'server' | 'proxy';
    };

/** Ways out by the names of their regions. */
export type Egresses = ReadonlyMap<string, Egress>;

/** Calls cannot leave that way. Says neither where a proxy is nor who uses it. */
export class EgressError extends Error {
  override readonly name = 'EgressError';
  readonly code: EgressErrorCode;

  constructor(code: EgressErrorCode, reason: string) {
    const what = code === EGRESS_ERRORS.failed ? 'fails' : 'does not lead to this target';
    super(`the egress of the region ${what}: ${reason}`);
    this.code = code;
  }
}
