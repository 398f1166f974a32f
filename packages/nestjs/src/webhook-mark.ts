import { SetMetadata } from '@nestjs/common';
import { Reflector, type HttpAdapterHost } from '@nestjs/core';

const WEBHOOK = '@ezthrottle/nestjs:webhook';
const reflector = new Reflector();

/**
 * Makes a controller's method known as the webhook that was given this path: Nest copies what stands on
 * the method to the handler that it gives to the platform.
 */
export function markWebhook(path: string): MethodDecorator {
  return SetMetadata(WEBHOOK, path);
}

/** Tells of each route that Nest makes for this webhook, as the platform gets it: with every prefix. */
export function watchWebhookRoutes(
  adapter: HttpAdapterHost['httpAdapter'],
  path: string,
  onRoute: (route: string) => void,
): void {
  const all: unknown = Reflect.get(adapter, 'all');
  if (typeof all !== 'function') return;
  Reflect.set(adapter, 'all', (...given: readonly unknown[]): unknown => {
    const handler = given.at(-1);
    const isOurs =
      typeof handler === 'function' && reflector.get(WEBHOOK, Object(handler)) === path;
    if (isOurs) onRoute(String(given[0]));
    return Reflect.apply(all, adapter, given);
  });
}
