import { PRIVACY_BOUNDS, type RedactionRequest, type RetentionRequest } from '../privacy.ts';
import { type JsonSchema, closedSchema, type SchemaFor } from './json-schema.ts';

const duration: SchemaFor<number> = {
  type: 'integer',
  minimum: PRIVACY_BOUNDS.shortestMs,
  maximum: Number.MAX_SAFE_INTEGER,
};

const entries: SchemaFor<readonly string[]> = {
  type: 'array',
  items: { type: 'string', minLength: 1, maxLength: PRIVACY_BOUNDS.entryLength },
  maxItems: PRIVACY_BOUNDS.entries,
};

export const RETENTION_SCHEMA: JsonSchema = {
  $id: 'retention.json',
  ...closedSchema<RetentionRequest>(
    {},
    { jobs_ms: duration, bodies_ms: duration, headers_ms: duration, attempts_ms: duration },
  ),
};

export const REDACTION_SCHEMA: JsonSchema = {
  $id: 'redaction.json',
  ...closedSchema<RedactionRequest>(
    {},
    {
      response_headers: entries,
      response_paths: entries,
      request_headers: entries,
      request_paths: entries,
    },
  ),
};
