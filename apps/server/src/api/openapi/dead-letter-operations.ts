import {
  CANCEL_REDRIVE_SCHEMA,
  DEAD_LETTER_LIST_SCHEMA,
  REDRIVE_LIST_SCHEMA,
  REDRIVE_SCHEMA,
  REPLAY_DELIVERY_SCHEMA,
  REPLAY_JOB_SCHEMA,
} from '@ezthrottle/core/protocol/schemas';
import type { Operation, Operations } from './operation.ts';

const ABOUT: Pick<Operation, 'tag'> = { tag: 'dead letters' };
const ACTING = {
  'X-EZThrottle-Actor': 'Who acts, for the audit log',
  'X-EZThrottle-Reason': 'Why; one of it and `reason` in the body has to be there',
  'Idempotency-Key': 'Tells a call that is made again from another one',
} as const;

/** What is dead, and the ways back. */
export const DEAD_LETTER_OPERATIONS: Operations = {
  'GET /api/v1/dead-letters/jobs': {
    ...ABOUT,
    summary: 'Jobs that failed, those that ended last first, page by page',
    query: DEAD_LETTER_LIST_SCHEMA,
    answers: { 200: 'DeadJobPage' },
  },
  'GET /api/v1/dead-letters/jobs/:id': {
    ...ABOUT,
    summary: 'One of them with all that has happened to it',
    answers: { 200: 'DeadJobDetail' },
    refusals: ['not_found'],
  },
  'POST /api/v1/dead-letters/jobs/:id/replay': {
    ...ABOUT,
    summary: 'Sends it again as a new job, edited if need be; once, unless asked for more',
    headers: ACTING,
    body: REPLAY_JOB_SCHEMA,
    answers: { 201: 'ReplayJobReply', 200: 'ReplayJobReply' },
    refusals: ['not_found', 'conflict', 'limits_unusable', 'secrets_unusable', 'rate_limited'],
  },
  'GET /api/v1/dead-letters/deliveries': {
    ...ABOUT,
    summary: 'Deliveries that died, those that did last first, page by page',
    query: DEAD_LETTER_LIST_SCHEMA,
    answers: { 200: 'DeadDeliveryPage' },
  },
  'GET /api/v1/dead-letters/deliveries/:id': {
    ...ABOUT,
    summary: 'A delivery that is dead or was replayed, with all of its attempts',
    answers: { 200: 'DeadDeliveryDetail' },
    refusals: ['not_found'],
  },
  'POST /api/v1/dead-letters/deliveries/:id/replay': {
    ...ABOUT,
    summary: 'Delivers again, under the same id or as a new delivery',
    headers: ACTING,
    body: REPLAY_DELIVERY_SCHEMA,
    answers: { 202: 'DeadDeliveryDetail', 200: 'DeadDeliveryDetail' },
    refusals: ['not_found', 'conflict'],
  },
  'POST /api/v1/redrives': {
    ...ABOUT,
    summary: 'Sends many again: tells how many, goes slowly, stops by itself when they fail',
    headers: ACTING,
    body: REDRIVE_SCHEMA,
    answers: { 201: 'RedriveView', 200: ['RedriveView', 'RedriveDryRun'] },
    refusals: ['conflict'],
  },
  'GET /api/v1/redrives': {
    ...ABOUT,
    summary: 'Redrives, the newest first, page by page',
    query: REDRIVE_LIST_SCHEMA,
    answers: { 200: 'RedrivePage' },
  },
  'GET /api/v1/redrives/:id': {
    ...ABOUT,
    summary: 'How far a redrive has come',
    answers: { 200: 'RedriveView' },
    refusals: ['not_found'],
  },
  'GET /api/v1/redrives/:id/items': {
    ...ABOUT,
    summary: 'What became of each dead letter that it has come to',
    query: REDRIVE_LIST_SCHEMA,
    answers: { 200: 'RedriveItemPage' },
    refusals: ['not_found'],
  },
  'POST /api/v1/redrives/:id/cancel': {
    ...ABOUT,
    summary: 'Sends no more; what is out goes on',
    headers: ACTING,
    body: CANCEL_REDRIVE_SCHEMA,
    answers: { 200: 'RedriveView' },
    refusals: ['not_found', 'conflict'],
  },
};
