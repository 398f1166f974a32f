/** Types of the protocol that are the body of an answer. */
export const REPLY_NAMES = [
  'ApiKeyList',
  'ApiKeyView',
  'AuditPage',
  'BatchReply',
  'CancelReply',
  'DoneReply',
  'FinishedJobReply',
  'HealthView',
  'JobPage',
  'JobView',
  'LimitDeletedReply',
  'LimitPage',
  'LimitView',
  'NewApiKeyView',
  'SecretDeletedReply',
  'SecretList',
  'SecretView',
  'SigningKeysView',
  'SubmitReply',
  'WebhookEndpointList',
  'WebhookEndpointView',
  'WebhookSecretsView',
  'WireError',
] as const;

export type ReplyName = (typeof REPLY_NAMES)[number];
