import {
  REDACTION_SCHEMA,
  RETENTION_SCHEMA,
  SECRET_SCHEMA,
} from '@ezthrottle/core/protocol/schemas';
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
  'GET /api/v1/settings/retention': {
    summary: 'How long is kept what',
    tag: 'privacy',
    answers: { 200: 'RetentionView' },
  },
  'PUT /api/v1/settings/retention': {
    summary: 'Sets how long is kept what; what is left out is as the server has it',
    tag: 'privacy',
    body: RETENTION_SCHEMA,
    answers: { 200: 'RetentionView' },
  },
  'GET /api/v1/settings/redaction': {
    summary: 'What is taken out of requests and answers before they are kept',
    tag: 'privacy',
    answers: { 200: 'RedactionView' },
  },
  'PUT /api/v1/settings/redaction': {
    summary: 'Sets what is taken out; what is left out is an empty list',
    tag: 'privacy',
    body: REDACTION_SCHEMA,
    answers: { 200: 'RedactionView' },
  },
  'DELETE /api/v1/accounts/:user_id/data': {
    summary: 'Deletes what is stored of an account, bit by bit; asked again, it says how far it is',
    tag: 'privacy',
    answers: { 202: 'AccountDeletionView' },
    refusals: ['not_found'],
  },
  'GET /api/v1/accounts/:user_id/data': {
    summary: 'How far the deletion of an account has come',
    tag: 'privacy',
    answers: { 200: 'AccountDeletionView' },
    refusals: ['not_found'],
  },
};
