import { ConfigurationError, EZThrottle } from '@ezthrottle/core';

/** What Nest and the runtime look for on anything that is injected, also on what nobody uses. */
const PASSED_OVER: ReadonlySet<string> = new Set([
  'constructor',
  'then',
  'onModuleInit',
  'onApplicationBootstrap',
  'onModuleDestroy',
  'beforeApplicationShutdown',
  'onApplicationShutdown',
]);

const missing = new WeakSet<EZThrottle>();

/**
 * Stands for the client where there is no API key, since an application that only receives needs
 * neither: whoever uses it is told what is missing. Each module has its own.
 */
export function missingClient(): EZThrottle {
  const prototype: EZThrottle = Object.create(EZThrottle.prototype);
  const client = new Proxy(prototype, {
    get(target, name): unknown {
      if (typeof name === 'symbol' || PASSED_OVER.has(name)) return Reflect.get(target, name);
      throw new ConfigurationError(`There is no client: ${FIX}`);
    },
  });
  missing.add(client);
  return client;
}

export function isMissingClient(client: EZThrottle): boolean {
  return missing.has(client);
}

/** @param users The classes or tokens that have it injected. */
export function clientIsMissing(users: readonly string[]): ConfigurationError {
  return new ConfigurationError(
    `${users.join(', ')} cannot be given the EZThrottle client: ${FIX}`,
  );
}

const FIX =
  'EzthrottleModule has no API key. Give it { client: { apiKey } }, or set EZTHROTTLE_API_KEY.';
