import type { Delivery, DeliveryResponse } from '../protocol/decode-delivery.ts';
import { fromBase64 } from '../step/base64.ts';
import { ResponseBodyError, type BodyIssue } from './errors.ts';
import type { StandardSchema, StandardSchemaIssue } from './standard-schema.ts';

const MAX_ISSUES = 100;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

/**
 * The body of the response, as the schema gives it.
 *
 * @throws {ResponseBodyError} with everything in which it differs.
 */
export async function validBody<Output>(
  delivery: Delivery,
  schema: StandardSchema<Output>,
): Promise<Output> {
  const { response } = delivery;
  if (response?.truncated === true) {
    throw new ResponseBodyError([{ path: '', message: 'The response was cut by the server.' }]);
  }
  const body = response === undefined ? undefined : readBody(response);
  const result = await schema['~standard'].validate(body);
  if (result.issues === undefined) return result.value;
  throw new ResponseBodyError(result.issues.slice(0, MAX_ISSUES).map(issueOf));
}

/**
 * What a schema is shown: bytes of what came in base64; what JSON stands for, where the response calls
 * itself JSON or nothing at all; the text else.
 */
function readBody(response: DeliveryResponse): unknown {
  if (response.bodyEncoding === 'base64') return fromBase64(response.body) ?? response.body;
  const type = contentTypeOf(response);
  if (type !== null && !JSON_TYPE.test(type)) return response.body;
  try {
    const value: unknown = JSON.parse(response.body);
    return value;
  } catch {
    return response.body;
  }
}

function contentTypeOf({ headers }: DeliveryResponse): string | null {
  const name = Object.keys(headers).find((each) => each.toLowerCase() === 'content-type');
  return name === undefined ? null : (headers[name] ?? null);
}

function issueOf({ message, path = [] }: StandardSchemaIssue): BodyIssue {
  const names = path.map((part) => String(typeof part === 'object' ? part.key : part));
  return { path: names.join('.'), message };
}
