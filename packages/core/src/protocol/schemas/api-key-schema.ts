import {
  API_KEY_BOUNDS,
  type ApiKeyRequest,
  type ApiKeyScope,
  type RotateApiKeyRequest,
} from '../api-key.ts';
import { enumSchema, type JsonSchema, closedSchema, type SchemaFor } from './json-schema.ts';

const instant: SchemaFor<number> = {
  type: 'integer',
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
};

export const API_KEY_SCHEMA: JsonSchema = {
  $id: 'api-key.json',
  ...closedSchema<ApiKeyRequest>(
    { name: true },
    {
      name: { type: 'string', minLength: 1, maxLength: API_KEY_BOUNDS.nameLength },
      scopes: {
        type: 'array',
        items: enumSchema<ApiKeyScope>({ submit: true, read: true, manage: true }),
        minItems: 1,
        maxItems: 3,
      },
      expires_at: instant,
    },
  ),
};

export const ROTATE_API_KEY_SCHEMA: JsonSchema = {
  $id: 'rotate-api-key.json',
  ...closedSchema<RotateApiKeyRequest>(
    {},
    {
      overlap_ms: { type: 'integer', minimum: 0, maximum: API_KEY_BOUNDS.overlapMs },
      expires_at: instant,
    },
  ),
};
