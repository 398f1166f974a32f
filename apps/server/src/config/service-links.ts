type Variables = Readonly<Record<string, string | undefined>>;

const OF_PORTS = /^EZTHROTTLE_(?:\w+_)?PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?$/;
const OF_SERVICES = /^EZTHROTTLE_(?:\w+_)?SERVICE_(?:HOST|PORT(?:_\w+)?)$/;
const NUMBERED = /_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?$/;
const ADDRESS = /^(?:tcp|udp|sctp):\/\//;

/**
 * The environment without what Kubernetes puts into every pod of a namespace that has a Service named
 * `ezthrottle`, such as `EZTHROTTLE_PORT=tcp://10.0.0.1:80`: nobody has set that.
 * See https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables.
 */
export function withoutServiceLinks(environment: Variables): Variables {
  return Object.fromEntries(
    Object.entries(environment).filter(([name, value = '']) => !isServiceLink(name, value)),
  );
}

function isServiceLink(name: string, value: string): boolean {
  if (OF_SERVICES.test(name)) return true;
  return OF_PORTS.test(name) && (NUMBERED.test(name) || ADDRESS.test(value));
}
