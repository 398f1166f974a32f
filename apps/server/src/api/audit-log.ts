import type { AuditEntryView } from '@ezthrottle/core/protocol';
import { AUDIT_LIST_SCHEMA, type AuditListRequest } from '@ezthrottle/core/protocol/schemas';
import type { AuditRecord } from '@ezthrottle/engine';
import type { AuditLog } from '../audit/audit-log.ts';
import { type Cursor, formatCursor, parseCursor } from './cursor.ts';
import { listParameters } from './list-parameters.ts';
import type { Route } from './route.ts';

const AUDIT_LIST_PARAMETERS: Readonly<Record<keyof AuditListRequest, true>> = {
  action: true,
  target: true,
  cursor: true,
  limit: true,
};

const readList = listParameters<AuditListRequest, Cursor>(
  AUDIT_LIST_SCHEMA,
  AUDIT_LIST_PARAMETERS,
  parseCursor,
);

/** What operators of the organization have done, the newest first. */
export function auditLogRoute(audit: Pick<AuditLog, 'list'>): Route {
  return {
    method: 'GET',
    path: '/audit-log',
    access: 'manage',
    async handle(call, { organization }) {
      const { request, cursor, limit } = readList(call.query);
      const { action = null, target = null } = request;
      const before = cursor === null ? null : { at: cursor.createdAt, id: cursor.id };
      // One more than shown tells whether there is a next page.
      const found = await audit.list({ organization, action, target, before, limit: limit + 1 });
      const page = found.slice(0, limit);
      const last = page.at(-1);
      const isMore = found.length > limit && last !== undefined;
      return {
        status: 200,
        body: {
          entries: page.map(viewOf),
          next_cursor: isMore ? formatCursor({ createdAt: last.at, id: last.id }) : null,
        },
      };
    },
  };
}

function viewOf(entry: AuditRecord): AuditEntryView {
  const { id, at, action, target, apiKey, actor, reason, before, after } = entry;
  return { audit_id: id, at, action, target, api_key_id: apiKey, actor, reason, before, after };
}
