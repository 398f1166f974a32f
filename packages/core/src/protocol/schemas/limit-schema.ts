import { LIMIT_BOUNDS, type LimitSettingsRequest } from '../limit.ts';
import { type JsonSchema, objectSchema, type SchemaFor } from './json-schema.ts';

/** Query of `GET /api/v1/limits`. Every value is text, as it stands in the address. */
export interface LimitListRequest {
  /** Only keys that begin so. */
  readonly prefix?: string;
  /** `next_cursor` of the page before. */
  readonly cursor?: string;
  /** 1 to 100 as digits. Default 50. */
  readonly limit?: string;
}

const rate: SchemaFor<number> = {
  type: 'number',
  exclusiveMinimum: 0,
  maximum: LIMIT_BOUNDS.rate,
};

/** Body of `PUT` and `PATCH /api/v1/limits/:key`, once members that are null are left out. */
export const LIMIT_SETTINGS_SCHEMA: JsonSchema = {
  $id: 'limit-settings.json',
  ...objectSchema<LimitSettingsRequest>(
    {},
    {
      rate,
      per_ms: { type: 'integer', minimum: 1, maximum: LIMIT_BOUNDS.periodMs },
      burst: { type: 'integer', minimum: 1, maximum: LIMIT_BOUNDS.burst },
      concurrency: { type: 'integer', minimum: 1, maximum: LIMIT_BOUNDS.concurrency },
      adaptive: { type: 'boolean' },
      floor: rate,
      ceiling: rate,
      paused: { type: 'boolean' },
      paused_until: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
      settle_header: { type: 'string', minLength: 1, maxLength: LIMIT_BOUNDS.headerLength },
      weight: {
        type: 'number',
        minimum: LIMIT_BOUNDS.leastWeight,
        maximum: LIMIT_BOUNDS.mostWeight,
      },
      settle_path: { type: 'string', minLength: 1, maxLength: LIMIT_BOUNDS.pathLength },
    },
  ),
};

export const LIMIT_LIST_SCHEMA: JsonSchema = {
  $id: 'limit-list.json',
  ...objectSchema<LimitListRequest>(
    {},
    {
      prefix: { type: 'string', maxLength: LIMIT_BOUNDS.keyLength },
      cursor: { type: 'string', minLength: 1, maxLength: 4_096 },
      limit: { type: 'string', pattern: '^(?:[1-9][0-9]?|100)$' },
    },
  ),
};
