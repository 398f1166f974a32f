import { ConfigurationError, type SubmitPayloadOptions } from '@ezthrottle/core';

/** Everything may be left out or `undefined`. */
export interface InboxOptions extends SubmitPayloadOptions {
  /**
   * A key that may submit. Only its SHA-256 leaves this process. Default: the environment variable
   * `EZTHROTTLE_API_KEY`.
   */
  readonly apiKey?: string | undefined;
  /** The schema of the server's tables (`--database-schema`) in this database. Default `ezthrottle`. */
  readonly schema?: string | undefined;
}

const SCHEMA = /^[a-z_][a-z0-9_]{0,62}$/;

/** Throws `ConfigurationError` when it is not the name of a schema that a server takes. */
export function schemaOf({ schema = 'ezthrottle' }: InboxOptions): string {
  if (SCHEMA.test(schema)) return schema;
  throw new ConfigurationError(
    'schema is not the name of a schema (expected: a lower-case letter or underscore, then such letters, digits and underscores, 63 at most).',
  );
}

/** Throws `ConfigurationError` without an API key. */
export async function apiKeyHashOf({ apiKey }: InboxOptions): Promise<string> {
  const key = apiKey ?? environment('EZTHROTTLE_API_KEY');
  if (key === undefined || key === '') {
    throw new ConfigurationError(
      'apiKey is required: give it as an option or set EZTHROTTLE_API_KEY.',
      'missing_api_key',
    );
  }
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function environment(name: string): string | undefined {
  return typeof process === 'undefined' ? undefined : process.env[name];
}
