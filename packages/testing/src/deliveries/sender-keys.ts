/** A pair of ed25519 keys for tests; anyone knows both halves. */
export const TEST_KEYS: {
  /** What `signedRequest` signs with unless it is given another: 32 bytes in base64 behind `whsk_`. */
  readonly privateKey: string;
  /** For `standardWebhooksEd25519` and `l8Signature`. */
  readonly publicKey: string;
} = {
  privateKey: 'whsk_YW4gZWQyNTUxOSBrZXkgZm9yIHRlc3RzIG9ubHkuLi4=',
  publicKey: 'whpk_z3ftVUOmfpkb/5zUhIcXKWyd5CybZSLGviVvHrpogDk=',
};
