import {
  ROTATE_WEBHOOK_SECRETS_SCHEMA,
  WEBHOOK_SECRETS_SCHEMA,
  type JsonSchema,
} from '@ezthrottle/core/protocol/schemas';
import type { Id, Operation, SealedText } from '@ezthrottle/engine';
import type { MemoryStore } from '../store/memory-store.ts';
import type { ApiAnswer, ApiRoute } from './api-call.ts';
import { ApiRefusal, refuse } from './api-refusal.ts';
import { shapeProblems } from './check-shape.ts';

export interface SecretRouteParts {
  readonly store: MemoryStore;
  readonly organization: Id;
  readonly now: () => number;
}

/** `/api/v1/webhook-secrets`, with the statuses and bodies of the server. */
export function secretRoutes({ store, organization, now }: SecretRouteParts): readonly ApiRoute[] {
  const path = /^\/webhook-secrets\/?$/;
  return [
    {
      method: 'POST',
      path,
      handle({ body }) {
        const fields = fieldsOf(body, WEBHOOK_SECRETS_SCHEMA);
        const secondary = fields['secondary_secret'];
        store.commitNow(
          putSecrets(organization, String(fields['primary_secret']), now(), secondary),
        );
        return done('stored');
      },
    },
    {
      method: 'GET',
      path,
      handle() {
        const stored = store.tenancy.secretsOf(organization);
        if (stored === null) throw noneStored();
        const { primary, secondary } = stored;
        return {
          status: 200,
          body: {
            customer_id: organization,
            primary_secret: mask(openSecret(primary)),
            secondary_secret: secondary === null ? null : mask(openSecret(secondary)),
            has_secondary: secondary !== null,
          },
        };
      },
    },
    {
      method: 'DELETE',
      path,
      handle() {
        store.commitNow({ type: 'delete_webhook_secrets', organization });
        return done('deleted');
      },
    },
    {
      method: 'POST',
      path: /^\/webhook-secrets\/rotate\/?$/,
      handle({ body }) {
        const fields = fieldsOf(body, ROTATE_WEBHOOK_SECRETS_SCHEMA);
        const primary = sealSecret(String(fields['new_secret']));
        const { verdict } = store.commitNow({
          type: 'rotate_webhook_secrets',
          organization,
          primary,
          at: now(),
        });
        if (verdict !== 'ok') throw noneStored();
        return done('rotated');
      },
    },
  ];
}

export function putSecrets(
  organization: Id,
  primary: string,
  updatedAt: number,
  secondary?: unknown,
): Operation {
  return {
    type: 'put_webhook_secrets',
    secrets: {
      organization,
      primary: sealSecret(primary),
      secondary: typeof secondary === 'string' ? sealSecret(secondary) : null,
      updatedAt,
    },
  };
}

/** In the memory of a test there is nobody to hide it from; only the form is the store's. */
export function sealSecret(secret: string): SealedText {
  return { keyId: 'not sealed', nonce: '', ciphertext: secret };
}

export function openSecret({ ciphertext }: SealedText): string {
  return ciphertext;
}

function fieldsOf(body: unknown, schema: JsonSchema): Readonly<Record<string, unknown>> {
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  const fields = isObject
    ? Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))
    : body;
  refuse(shapeProblems(schema, fields), 'the request');
  return isObject ? Object.fromEntries(Object.entries(fields ?? {})) : {};
}

function done(what: string): ApiAnswer {
  return { status: 200, body: { status: 'ok', message: `Webhook secrets ${what}` } };
}

function noneStored(): ApiRefusal {
  return new ApiRefusal('not_found', 'no webhook secrets are stored');
}

function mask(secret: string): string {
  return `${secret.slice(0, 4)}****${secret.slice(-4)}`;
}
