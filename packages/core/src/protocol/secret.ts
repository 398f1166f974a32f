/** Bounds of secrets that jobs refer to; `spec/limits.md` explains each. */
export const SECRET_BOUNDS = {
  perOrganization: 200,
  nameLength: 64,
  /** Characters of a value. Shorter ones could not be told from other text where they are masked. */
  shortest: 8,
  longest: 8_192,
  origins: 32,
} as const;

/** Body of `PUT /api/v1/secrets/:name`. */
export interface SecretRequest {
  readonly value: string;
  /** Where it may be sent, such as `https://api.example.com`; `*` alone is anywhere. */
  readonly origins: readonly string[];
}

/** A secret as it is shown: never its value. Moments are milliseconds since the epoch. */
export interface SecretView {
  readonly name: string;
  readonly origins: readonly string[];
  readonly created_at: number;
  readonly updated_at: number;
}

/** Answer to `DELETE /api/v1/secrets/:name`. */
export interface SecretDeletedReply {
  readonly name: string;
  readonly status: 'deleted';
}

export interface SecretList {
  /** By name. */
  readonly secrets: readonly SecretView[];
}
