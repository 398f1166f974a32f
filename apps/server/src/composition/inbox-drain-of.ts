import type { Admission } from '../admission/admission.ts';
import { systemClock } from '../clock.ts';
import { admitRows } from '../inbox/admit-rows.ts';
import { createInboxDrain, type InboxDrain } from '../inbox/inbox-drain.ts';
import type { InboxRows } from '../inbox/inbox-rows.ts';
import type { Front } from './front.ts';

type DrainParts = Omit<Front, 'inbox'> & { readonly inbox: InboxRows };

/** Takes jobs of the inbox in by the same parts as the API does. */
export function inboxDrain(parts: DrainParts, admission: Admission): InboxDrain {
  const { config, store, dispatcher, rules, vault, liveRegions, newId, logger, apiKeys } = parts;
  const clock = systemClock;
  const submitting = {
    gate: dispatcher,
    jobs: store.jobs,
    admission,
    rules,
    vault,
    liveRegions,
    clock,
    newId,
    tracing: parts.observation.tracing,
    idempotencyWindowMs: config.idempotencyWindowMs,
    logger,
  };
  return createInboxDrain({
    rows: parts.inbox,
    admission,
    admit: (rows) => admitRows(submitting, rows),
    onTaken: (apiKey) => apiKeys.used(apiKey),
    clock,
    logger,
    everyMs: config.databaseInboxMs,
    retentionMs: config.retentionMs,
    isOurs: parts.isOurs,
  });
}
