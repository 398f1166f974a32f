import { SECRET_SCHEMA } from '@ezthrottle/core/protocol/schemas';
import type { Operations } from './operation.ts';

/** Secrets that jobs refer to, and what is kept of jobs. */
export const PROTECTION_OPERATIONS: Operations = {
  'PUT /api/v1/secrets/:name': {
    summary: 'Stores a secret that jobs refer to; its value is never shown again',
    tag: 'secrets',
    body: SECRET_SCHEMA,
    answers: { 201: 'SecretView', 200: 'SecretView' },
    refusals: ['conflict'],
  },
  'GET /api/v1/secrets': {
    summary: 'The secrets of the organization by name, without their values',
    tag: 'secrets',
    answers: { 200: 'SecretList' },
  },
  'GET /api/v1/secrets/:name': {
    summary: 'One secret, without its value',
    tag: 'secrets',
    answers: { 200: 'SecretView' },
    refusals: ['not_found'],
  },
  'DELETE /api/v1/secrets/:name': {
    summary: 'Deletes a secret; jobs that still refer to it fail',
    tag: 'secrets',
    answers: { 200: 'SecretDeletedReply' },
    refusals: ['not_found'],
  },
};
