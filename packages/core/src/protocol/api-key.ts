/** What an API key may do: take and cancel jobs, look at everything, change what is set up. */
export const API_KEY_SCOPES = ['submit', 'read', 'manage'] as const;

export type ApiKeyScope = (typeof API_KEY_SCOPES)[number];

/** Bounds of API keys; `spec/limits.md` explains each. */
export const API_KEY_BOUNDS = {
  /** Keys of one organization that are not revoked. */
  perOrganization: 200,
  nameLength: 100,
  /** How long the key before may go on after a rotation, in milliseconds: at most, and when nothing is said. */
  overlapMs: 2_592_000_000,
  defaultOverlapMs: 86_400_000,
} as const;

/** An API key as it is listed: never the key itself. Moments are milliseconds since the epoch. */
export interface ApiKeyView {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly ApiKeyScope[];
  /** How the key begins, to tell it from others; null for one that the server was started with. */
  readonly hint: string | null;
  readonly created_at: number;
  /** Null: it does not expire. */
  readonly expires_at: number | null;
  /** To the minute; null: never. */
  readonly last_used_at: number | null;
  /** Until when the key before the last rotation is still taken; null: none is. */
  readonly previous_expires_at: number | null;
  /** Null: it is not revoked. */
  readonly revoked_at: number | null;
}

/** Answer to making and rotating a key: the one time that it is shown. */
export interface NewApiKeyView extends ApiKeyView {
  readonly api_key: string;
}

export interface ApiKeyList {
  /** The newest first; of the revoked only the last hundred. */
  readonly api_keys: readonly ApiKeyView[];
}

/** Body of `POST /api/v1/api-keys`. */
export interface ApiKeyRequest {
  readonly name: string;
  /** Default: those of the key that asks. It cannot give what it does not have. */
  readonly scopes?: readonly ApiKeyScope[];
  /** Milliseconds since the epoch. Default: it does not expire. */
  readonly expires_at?: number;
}

/** Body of `POST /api/v1/api-keys/:id/rotate`. */
export interface RotateApiKeyRequest {
  /** How long the key before is still taken, in milliseconds. Default: a day; 0: not at all. */
  readonly overlap_ms?: number;
  /** When the new one expires. Default: as the one before, so that a rotation never lengthens its life. */
  readonly expires_at?: number;
}
