/** Something that is kept in memory and read again as a whole. */
interface Loaded {
  load(): Promise<void>;
}

/** Something that is read when it is asked for, and remembered. */
interface Remembered {
  forgetAll(): void;
}

interface Refreshed {
  refresh(): Promise<void>;
}

/** What every node keeps in memory of what any of them may change. */
export interface KeptByAll {
  readonly rules: Refreshed;
  readonly divided: Refreshed;
  readonly vault: Loaded;
  readonly privacy: Loaded;
  readonly deletions: Loaded;
  readonly endpoints: Loaded;
  readonly apiKeys: Remembered;
  readonly keyEnds: { changedElsewhere(): Promise<void> };
  readonly webhookSecrets: Remembered;
  readonly signingKeys: Remembered;
}

/** What a node does when another one has changed something of a kind, by the name under which changes are counted. */
export function refreshes(kept: KeptByAll): ReadonlyMap<string, () => Promise<void> | void> {
  return new Map<string, () => Promise<void> | void>([
    ['limits', () => kept.rules.refresh()],
    ['divided_keys', () => kept.divided.refresh()],
    ['secrets', () => kept.vault.load()],
    [
      'documents',
      async () => {
        await kept.privacy.load();
        await kept.deletions.load();
      },
    ],
    ['endpoints', () => kept.endpoints.load()],
    [
      'api_keys',
      () => {
        kept.apiKeys.forgetAll();
        return kept.keyEnds.changedElsewhere();
      },
    ],
    [
      'webhook_secrets',
      () => {
        kept.webhookSecrets.forgetAll();
        kept.signingKeys.forgetAll();
      },
    ],
  ]);
}
