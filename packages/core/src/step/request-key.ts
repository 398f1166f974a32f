import { joinBytes } from '../protocol/bytes.ts';
import type { JobRequest } from '../protocol/job.ts';

/**
 * The key of a HASH step where it must be known before it is sent: SHA-256 over method, address and body
 * as hex. The server keeps keys of organizations apart, so none is in it.
 */
export async function requestKey(job: JobRequest): Promise<string> {
  const { method = 'GET', url, body = '', body_encoding: encoding = 'text' } = job;
  const parts = joinBytes([JSON.stringify([method, url, encoding, body])]);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', parts));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
