import { EZThrottleError, type EZThrottle } from '@ezthrottle/core';

/** What Terminus calls the result of an indicator. */
export type EzthrottleHealth =
  | { readonly status: 'up' }
  | { readonly status: 'down'; readonly message: string };

/**
 * Says whether the server answers and accepts the API key; for `HealthCheckService` of
 * `@nestjs/terminus`, which this package does not need.
 *
 * @example
 * this.health.check([() => this.ezthrottle.isHealthy('ezthrottle')])
 */
export class EzthrottleHealthIndicator {
  readonly #client: EZThrottle;

  constructor(client: EZThrottle) {
    this.#client = client;
  }

  /**
   * Never rejects.
   *
   * @param options.timeoutMs Default 2 000.
   */
  async isHealthy<const Key extends string>(
    key: Key,
    options: { readonly timeoutMs?: number } = {},
  ): Promise<Readonly<Record<Key, EzthrottleHealth>>> {
    return recordOf(key, await this.#check(options.timeoutMs ?? 2_000));
  }

  async #check(timeoutMs: number): Promise<EzthrottleHealth> {
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      await this.#client.jobs.list({ limit: 1, signal }).page();
      return { status: 'up' };
    } catch (error) {
      if (signal.aborted) return { status: 'down', message: `no answer within ${timeoutMs} ms` };
      return { status: 'down', message: EZThrottleError.from(error).message };
    }
  }
}

function recordOf<Key extends string>(
  key: Key,
  health: EzthrottleHealth,
): Readonly<Record<Key, EzthrottleHealth>>;
function recordOf(
  key: string,
  health: EzthrottleHealth,
): Readonly<Record<string, EzthrottleHealth>> {
  return { [key]: health };
}
