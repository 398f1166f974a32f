import type { Executor } from '@ezthrottle/engine';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { createUndiciExecutor } from '../execute/undici-executor.ts';
import { createAddressPolicy } from '../net/address-policy.ts';
import { resolveBySystem } from '../net/checked-host.ts';
import { createNameServers } from '../net/name-servers.ts';
import type { OnClose } from './on-close.ts';

const LOOPBACK = ['127.0.0.0/8', '::1'] as const;

/** What makes calls from here. */
export interface Executors {
  readonly jobs: Executor;
  readonly deliveries: Executor;
  /** For calls of other nodes. */
  readonly others: Executor;
}

/** Jobs and deliveries have connections of their own, so that neither waits for the other's. */
export function createExecutors(config: Config, onClose: OnClose): Executors {
  const policy = createAddressPolicy({
    allowPrivate: config.allowPrivateTargets,
    allow: [...config.allowTargets, ...(config.allowLoopbackTargets ? LOOPBACK : [])],
    deny: config.denyTargets,
  });
  const egresses = new Map(
    config.regions === 'any' ? [] : config.regions.map(({ name, egress }) => [name, egress]),
  );
  const { dnsServers } = config;
  const resolve = dnsServers.length === 0 ? resolveBySystem : createNameServers(dnsServers);
  const create = (): Executor => {
    const executor = createUndiciExecutor({ clock: systemClock, policy, egresses, resolve });
    onClose(() => executor.close());
    return executor;
  };
  return { jobs: create(), deliveries: create(), others: create() };
}
