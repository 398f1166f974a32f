import type {
  AuditReads,
  DeadLetterReads,
  LimitReads,
  PrivacyReads,
  RedriveReads,
  TenancyReads,
} from '@ezthrottle/engine';

const refuse = (): Promise<never> => Promise.reject(new Error('this is not read yet'));

export const unwrittenTenancyReads: TenancyReads = {
  apiKeyByHash: refuse,
  apiKeys: refuse,
  apiKey: refuse,
  organizations: refuse,
  signingKeys: refuse,
  secrets: refuse,
  sealedByOthers: refuse,
  webhookSecrets: refuse,
};
export const unwrittenLimitReads: LimitReads = { get: refuse, list: refuse };
export const unwrittenPrivacyReads: PrivacyReads = {
  documents: refuse,
  ended: refuse,
  ofAccount: refuse,
};
export const unwrittenAuditReads: AuditReads = { list: refuse };
export const unwrittenDeadLetterReads: DeadLetterReads = {
  jobs: refuse,
  job: refuse,
  jobState: refuse,
  deliveries: refuse,
  delivery: refuse,
  deliveryAttempts: refuse,
};
export const unwrittenRedriveReads: RedriveReads = {
  get: refuse,
  list: refuse,
  running: refuse,
  items: refuse,
};
