import { networkInterfaces } from 'node:os';

/** Where other machines may reach a server that says it listens here: on every interface is on the first one of them. */
export function reachableUrl(listening: string): string {
  const url = new URL(listening);
  if (url.hostname !== '0.0.0.0' && url.hostname !== '[::]') return url.origin;
  const outer = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4');
  return `${url.protocol}//${outer?.address ?? '127.0.0.1'}:${url.port}`;
}
