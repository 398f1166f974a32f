/** An endpoint of webhooks that was disabled at some time. */
export interface WebhookEndpointView {
  readonly endpoint_id: string;
  readonly url: string;
  readonly enabled: boolean;
  /** By a 410 of its own, or by its owner; null: it is enabled again. */
  readonly disabled_by: 'gone' | 'owner' | null;
  /** Milliseconds since the epoch. */
  readonly disabled_at: number | null;
}

/** The organization's ed25519 keys, as `standardWebhooksEd25519({ publicKeys })` takes them. */
export interface SigningKeysView {
  /** `whpk_` and 32 bytes in base64. */
  readonly public_key: string;
  /** Signs on after a rotation, until the next; null: there is none. */
  readonly previous_public_key: string | null;
}
