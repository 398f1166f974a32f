import type { Operation, Verdict, WebhookSecretsRecord } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import { describe, expect, test } from 'vitest';
import { createSecretBox } from './secret-box.ts';
import { createSigningSecrets, type SigningSecrets } from './signing-secrets.ts';

/** Just enough of a store: what tenancy operations leave behind. */
function secretsOverMap(): {
  readonly secrets: SigningSecrets;
  readonly operations: Operation[];
  readonly reads: { count: number };
} {
  const stored = new Map<string, WebhookSecretsRecord>();
  const operations: Operation[] = [];
  const reads = { count: 0 };
  async function commit(operation: Operation): Promise<Verdict> {
    operations.push(operation);
    if (operation.type === 'put_webhook_secrets') {
      stored.set(operation.secrets.organization, operation.secrets);
    } else if (operation.type === 'delete_webhook_secrets') {
      stored.delete(operation.organization);
    } else if (operation.type === 'rotate_webhook_secrets') {
      const { organization, primary, at } = operation;
      const before = stored.get(organization);
      if (before === undefined) return { verdict: 'gone' };
      stored.set(organization, { organization, primary, secondary: before.primary, updatedAt: at });
    }
    return { verdict: 'ok' };
  }
  const secrets = createSigningSecrets({
    reads: {
      async webhookSecrets(organization) {
        reads.count += 1;
        return stored.get(organization) ?? null;
      },
    },
    commit,
    box: createSecretBox(Buffer.alloc(32, 1).toString('base64')),
    clock: new FakeClock(),
  });
  return { secrets, operations, reads };
}

describe('signing secrets', () => {
  test('are given with the primary first; none is an empty list', async () => {
    const { secrets } = secretsOverMap();
    expect(await secrets.secretsOf('org')).toEqual([]);
    await secrets.put('org', { primary: 'first', secondary: 'second' });
    expect(await secrets.secretsOf('org')).toEqual(['first', 'second']);
    expect(await secrets.secretsOf('another')).toEqual([]);
  });

  test('change at once for whoever signs next', async () => {
    const { secrets } = secretsOverMap();
    await secrets.put('org', { primary: 'first', secondary: null });
    expect(await secrets.secretsOf('org')).toEqual(['first']);
    expect(await secrets.rotate('org', 'second')).toBe(true);
    expect(await secrets.secretsOf('org')).toEqual(['second', 'first']);
    await secrets.delete('org');
    expect(await secrets.secretsOf('org')).toEqual([]);
    expect(await secrets.rotate('org', 'third')).toBe(false);
  });

  test('are read once while nothing changes', async () => {
    const { secrets, reads } = secretsOverMap();
    await secrets.put('org', { primary: 'first', secondary: null });
    const before = reads.count;
    await secrets.secretsOf('org');
    await secrets.secretsOf('org');
    expect(reads.count - before).toBe(1);
  });

  test('never reach the store in the clear', async () => {
    const { secrets, operations } = secretsOverMap();
    await secrets.put('org', { primary: 'open-sesame-1', secondary: 'open-sesame-2' });
    await secrets.rotate('org', 'open-sesame-3');
    expect(operations).toHaveLength(2);
    expect(JSON.stringify(operations)).not.toContain('open-sesame');
  });
});
