import { AUDIT_BOUNDS } from '../audit.ts';
import { type JsonSchema, objectSchema } from './json-schema.ts';

/** Query of `GET /api/v1/audit-log`. Every value is text, as it stands in the address. */
export interface AuditListRequest {
  /** Only acts of this kind, for example `limit.put`. */
  readonly action?: string;
  /** Only acts on this. */
  readonly target?: string;
  /** `next_cursor` of the page before. */
  readonly cursor?: string;
  /** 1 to 100 as digits. Default 50. */
  readonly limit?: string;
}

export const AUDIT_LIST_SCHEMA: JsonSchema = {
  $id: 'audit-list.json',
  ...objectSchema<AuditListRequest>(
    {},
    {
      action: { type: 'string', minLength: 1, maxLength: 64 },
      target: { type: 'string', minLength: 1, maxLength: AUDIT_BOUNDS.targetLength },
      cursor: { type: 'string', minLength: 1, maxLength: 512 },
      limit: { type: 'string', pattern: '^(?:[1-9][0-9]?|100)$' },
    },
  ),
};
