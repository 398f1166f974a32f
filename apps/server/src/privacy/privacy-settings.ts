import { isDeepStrictEqual } from 'node:util';
import type { RedactionView, RetentionRequest } from '@ezthrottle/core/protocol';
import {
  type AttemptReport,
  type Id,
  type PrivacyReads,
  redactedHeaders,
  redactedResponse,
  type RedactionRules,
} from '@ezthrottle/engine';
import { type Commit, commitOrThrow } from '../tenancy/committing.ts';

const NOTHING: RedactionView = {
  response_headers: [],
  response_paths: [],
  request_headers: [],
  request_paths: [],
};

/** What organizations have set about their data. A change is written by `by`, where that is given. */
export interface PrivacySettings {
  /** Reads everything. To be called before anything else, and when others have changed some of it. */
  load(): Promise<void>;
  /** As it was put; what is left out is as the server has it. */
  retentionOf(organization: Id): RetentionRequest;
  /** Writes nothing that is so already. */
  putRetention(organization: Id, retention: RetentionRequest, by?: Commit): Promise<void>;
  redactionOf(organization: Id): RedactionView;
  putRedaction(organization: Id, redaction: RedactionView, by?: Commit): Promise<void>;
  /** Organizations that have set something. */
  organizations(): readonly Id[];
  /** A report as it may be kept; the same one for organizations that have set nothing. */
  redacted(organization: Id, report: AttemptReport): AttemptReport;
}

const KIND = 'settings';

export function createPrivacySettings(options: {
  readonly reads: Pick<PrivacyReads, 'documents'>;
  readonly commit: Commit;
  /** Bytes of an answer's body, also of one that grew by what stands in it now. */
  readonly maxResponseBytes: number;
}): PrivacySettings {
  const { reads, commit, maxResponseBytes } = options;
  const retentions = new Map<Id, RetentionRequest>();
  const redactions = new Map<Id, RedactionView>();

  async function put(
    organization: Id,
    name: 'retention' | 'redaction',
    value: object,
    by: Commit,
  ): Promise<void> {
    const data = JSON.stringify(value);
    await commitOrThrow(by, { type: 'put_document', organization, kind: KIND, name, data });
  }

  return {
    async load() {
      const documents = await reads.documents();
      retentions.clear();
      redactions.clear();
      for (const { organization, kind, name, data } of documents) {
        if (kind !== KIND) continue;
        if (name === 'retention') retentions.set(organization, JSON.parse(data));
        if (name === 'redaction') redactions.set(organization, JSON.parse(data));
      }
    },
    retentionOf: (organization) => retentions.get(organization) ?? {},
    async putRetention(organization, retention, by = commit) {
      if (isDeepStrictEqual(retention, this.retentionOf(organization))) return;
      await put(organization, 'retention', retention, by);
      retentions.set(organization, retention);
    },
    redactionOf: (organization) => redactions.get(organization) ?? NOTHING,
    async putRedaction(organization, redaction, by = commit) {
      if (isDeepStrictEqual(redaction, this.redactionOf(organization))) return;
      await put(organization, 'redaction', redaction, by);
      redactions.set(organization, redaction);
    },
    organizations: () => [...new Set([...retentions.keys(), ...redactions.keys()])],
    redacted(organization, report) {
      const redaction = redactions.size === 0 ? undefined : redactions.get(organization);
      if (redaction === undefined) return report;
      const rules: RedactionRules = {
        headers: redaction.response_headers,
        paths: redaction.response_paths,
      };
      const { outcome, response } = report;
      return {
        ...report,
        outcome:
          outcome.kind === 'response'
            ? { ...outcome, headers: redactedHeaders(outcome.headers, rules.headers) }
            : outcome,
        response: response === null ? null : redactedResponse(response, rules, maxResponseBytes),
      };
    },
  };
}
