import { SECRET_BOUNDS, type SecretRequest } from '../secret.ts';
import { type JsonSchema, closedSchema } from './json-schema.ts';

export const SECRET_SCHEMA: JsonSchema = {
  $id: 'secret.json',
  ...closedSchema<SecretRequest>(
    { value: true, origins: true },
    {
      value: {
        type: 'string',
        minLength: SECRET_BOUNDS.shortest,
        maxLength: SECRET_BOUNDS.longest,
      },
      origins: {
        type: 'array',
        items: { type: 'string', minLength: 1, maxLength: 512 },
        minItems: 1,
        maxItems: SECRET_BOUNDS.origins,
      },
    },
  ),
};
