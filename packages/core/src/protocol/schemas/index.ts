/** JSON Schemas of what clients send. Apart from `./protocol`, so that no client bundles them. */
export type { JsonSchema } from './json-schema.ts';
export * from './job-request-schema.ts';
export * from './webhook-secrets-schema.ts';
export * from './job-list-schema.ts';
export * from './limit-schema.ts';
export * from './api-key-schema.ts';
export * from './audit-schema.ts';
export * from './secret-schema.ts';
export * from './dead-letter-schema.ts';
export * from './privacy-schema.ts';
