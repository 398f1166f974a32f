import { fail, type Finding } from './finding.ts';

interface Explanation {
  readonly message: string;
  readonly fix: string;
}

/** What the address says of itself, without its user and password. */
interface Place {
  readonly host: string;
  readonly port: string;
  readonly user: string;
  readonly database: string;
}

/**
 * Why there is no connection, and what would help.
 *
 * @param setting Which address it is, such as `DATABASE_URL`.
 */
export function connectionFailure(
  check: string,
  setting: string,
  url: string,
  error: unknown,
): Finding {
  const { message, fix } = explain(error, placeOf(url), setting);
  return fail(check, message, fix);
}

const TLS_CODES: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

interface Failure extends Place {
  readonly setting: string;
  readonly code: string;
  readonly message: string;
}

function explain(error: unknown, place: Place, setting: string): Explanation {
  const { code, message } = factsOf(error);
  const failure = { ...place, setting, code: code ?? '', message };
  return (
    ofTheWay(failure) ??
    ofTheServer(failure) ??
    ofTls(failure) ?? {
      message: `no connection to ${place.host}:${place.port}: ${code === null ? '' : `${code}: `}${message}`,
      fix: 'try the same address with psql from this machine',
    }
  );
}

function ofTheWay({ code, message, host, port, setting }: Failure): Explanation | null {
  switch (code) {
    case 'ECONNREFUSED':
      return {
        message: `nothing listens on ${host}:${port}`,
        fix: `start PostgreSQL there, or correct host and port in ${setting}`,
      };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return {
        message: `the name ${host} cannot be resolved (${code})`,
        fix: `correct the host in ${setting}, or the name servers of this machine`,
      };
  }
  if (['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'].includes(code) || /timeout/i.test(message)) {
    return {
      message: `${host}:${port} does not answer`,
      fix: 'let this machine through firewalls and network policies to that port',
    };
  }
  if (/invalid url/i.test(message)) {
    return {
      message: `${setting} is no address that can be read`,
      fix: 'write postgres://user:password@host:5432/database, with special characters percent-encoded',
    };
  }
  return null;
}

function ofTheServer({ code, message, setting, ...place }: Failure): Explanation | null {
  const { user, database } = place;
  switch (code) {
    case '28P01':
      return {
        message: `the password of the user ${user} is not accepted`,
        fix: `correct it in ${setting} (percent-encode its special characters), or ALTER ROLE "${user}" PASSWORD '…'`,
      };
    case '28000':
      return {
        message: `the user ${user} is not let in: ${message}`,
        fix: `create the role, or add a line for it, this database and this address to pg_hba.conf (with sslmode=require in ${setting} where only TLS is let in)`,
      };
    case '3D000':
      return {
        message: `there is no database ${database} on ${place.host}:${place.port}`,
        fix: `CREATE DATABASE "${database}" ENCODING 'UTF8' TEMPLATE template0, or correct ${setting}`,
      };
    case '42501':
      return {
        message: `the user ${user} may not connect to the database ${database}`,
        fix: `GRANT CONNECT ON DATABASE "${database}" TO "${user}"`,
      };
    case '53300':
      return {
        message: `the server takes no more connections: ${message}`,
        fix: 'raise max_connections (or the connection limit of the role), lower --database-pool, or put PgBouncer between',
      };
    case '57P03':
      return {
        message: `the server is not ready: ${message}`,
        fix: 'wait until it has started or recovered, then run this again',
      };
    default:
      return null;
  }
}

function ofTls({ code, message, host, port, setting }: Failure): Explanation | null {
  if (TLS_CODES.has(code)) {
    return {
      message: `the certificate of ${host}:${port} is not accepted: ${message} (${code})`,
      fix: `name its authority with sslrootcert=<file> in ${setting}, or in NODE_EXTRA_CA_CERTS; the host must be one that the certificate is for`,
    };
  }
  if (!/does not support SSL/i.test(message)) return null;
  return {
    message: `${host}:${port} does not speak TLS`,
    fix: `turn ssl on in its postgresql.conf, or set sslmode=disable in ${setting} where the network is trusted`,
  };
}

function placeOf(url: string): Place {
  const read = URL.canParse(url) ? new URL(url) : null;
  return {
    // A socket's folder is given as a parameter.
    host: read?.hostname || (read?.searchParams.get('host') ?? 'localhost'),
    port: read?.port || '5432',
    user: decoded(read?.username ?? '') || 'of this process',
    database: decoded(read?.pathname.slice(1) ?? '') || 'named as the user',
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function factsOf(error: unknown): { readonly code: string | null; readonly message: string } {
  // Several addresses of one name, each of which failed.
  if (error instanceof AggregateError && error.errors.length > 0) return factsOf(error.errors[0]);
  if (!(error instanceof Error)) return { code: null, message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : null;
  return { code, message: error.message };
}
