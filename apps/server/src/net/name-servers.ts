import { type LookupAddress, promises as dns } from 'node:dns';
import type { ResolveHost } from './checked-host.ts';

/** How long one question may stay without an answer, in milliseconds, and how often it is asked. */
const ASKING = { timeout: 2_000, tries: 2 } as const;

/**
 * Asks these name servers, at every call anew, and neither the system nor its file of hosts. Unlike the
 * system's resolver it takes none of the few threads of the process while a name server keeps silent.
 *
 * @param servers `address` or `address:port`, IPv6 in brackets where there is a port; tried in turn.
 * @throws TypeError `ERR_INVALID_IP_ADDRESS` for what is none.
 */
export function createNameServers(servers: readonly string[]): ResolveHost {
  const resolver = new dns.Resolver(ASKING);
  resolver.setServers(servers);
  return (host, callback) => {
    // IPv4 first: more machines have a way there.
    const questions = [
      resolver.resolve4(host).then((found) => found.map((address) => addressOf(address, 4))),
      resolver.resolve6(host).then((found) => found.map((address) => addressOf(address, 6))),
    ];
    void Promise.allSettled(questions).then((answers) => {
      const found = answers.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
      if (found.length > 0) callback(null, found);
      else callback(failureOf(answers), []);
    });
  };
}

function addressOf(address: string, family: 4 | 6): LookupAddress {
  return { address, family };
}

/** A name that has addresses of one kind only is no failure, so the other kind's silence tells more. */
function failureOf(answers: readonly PromiseSettledResult<unknown>[]): Error {
  const errors: unknown[] = answers.flatMap((one) =>
    one.status === 'rejected' ? [one.reason] : [],
  );
  const known = errors.filter((error) => error instanceof Error);
  return known.find((error) => !isNoData(error)) ?? known[0] ?? new Error('no answer');
}

function isNoData(error: Error): boolean {
  return 'code' in error && error.code === 'ENODATA';
}
