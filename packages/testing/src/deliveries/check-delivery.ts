import type { DeliveryPayload } from '@ezthrottle/core/protocol';
import { TestServerError } from '../test-server-error.ts';

/** What each field of a delivery must be. */
const FIELDS: Readonly<Record<keyof DeliveryPayload, string>> = {
  delivery_id: 'a string',
  endpoint_id: 'a string',
  attempt: 'a number',
  job_id: 'a string',
  idempotent_key: 'a string',
  status: "'success' or 'failed'",
  response: 'an object',
  responses: 'a list',
  error: 'a string',
  path: 'a number',
  tried_paths: 'a list',
  metadata: 'an object',
  tags: 'a list',
  parent_job_id: 'a string',
  ended_at: 'a number',
};

/** @throws {TestServerError} `invalid_delivery` naming everything that no delivery says. */
export function checkDelivery(fields: object): void {
  const problems = Object.entries(fields).flatMap(([name, value]) => {
    if (!isField(name)) {
      const known = [...Object.keys(FIELDS), 'url', 'body', 'secret', 'privateKey', 'schemes'];
      return [`${name} is no field of a delivery; expected some of ${known.join(', ')}, signedAt`];
    }
    if (value === undefined || isRight(name, value)) return [];
    return [`${name} of the delivery is wrong; expected ${FIELDS[name]}`];
  });
  if (problems.length > 0) {
    const hint = 'A payload of another kind goes in body, as a text.';
    throw new TestServerError('invalid_delivery', `${problems.join('. ')}. ${hint}`);
  }
}

function isField(name: string): name is keyof DeliveryPayload {
  return Object.hasOwn(FIELDS, name);
}

function isRight(name: keyof DeliveryPayload, value: unknown): boolean {
  if (name === 'status') return value === 'success' || value === 'failed';
  const isList = Array.isArray(value);
  if (FIELDS[name] === 'a list' || isList) return FIELDS[name] === 'a list' && isList;
  return FIELDS[name].endsWith(` ${typeof value}`) && value !== null;
}
